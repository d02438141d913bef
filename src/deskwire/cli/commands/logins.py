"""Command `deskwire logins`: the logins of this desk, and their end.

A running daemon applies a change at once: it logs out the client of an ended login within a second.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from deskwire.auth.access_tokens import KIND, is_endless
from deskwire.auth.logins import Login, delete_login, read_logins
from deskwire.auth.state_directory import StateDirectory
from deskwire.cli import exit_codes
from deskwire.cli.exit_codes import fail
from deskwire.cli.local_desk import local_time, open_state, rfc3339
from deskwire.cli.options import config_option, state_dir_option
from deskwire.daemon.control_socket import list_clients, refresh_after
from deskwire.model.access import ConnectedClient, LoginId
from deskwire.model.instant import read_clock
from deskwire.terminal.console import Console, align_columns

HEADING = ("ID", "USER", "FROM", "SINCE", "UNTIL", "CONNECTED", "CLIENT")


@click.command()
@click.option("--end", metavar="ID", help="End the login with this ID of the list.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@state_dir_option
@config_option
def logins(end: str | None, as_json: bool, state_dir: Path | None, config: Path | None) -> None:
    """List the logins of this desk with user, address, times and connection, or end one login."""
    with open_state(state_dir, config) as state:
        if end is None:
            now, found = read_clock(), asyncio.run(state.read(read_logins))
            valid = [each for each in found if each.remaining(now, state.boot_id) > 0]
            print_logins(valid, list_clients(state.folder), as_json=as_json)
        elif end_login(state, LoginId(end)):
            print(f"ended login {end}")
        else:
            fail(f"no login {end!r}; run `deskwire logins` to list them", exit_codes.FAILED)


def end_login(state: StateDirectory, login_id: LoginId) -> bool:
    """End a login, in the running daemon too, and return whether it existed."""
    with refresh_after(state.folder):
        return asyncio.run(state.change(lambda connection: delete_login(connection, login_id)))


def print_logins(
    found: Sequence[Login], connected: Sequence[ConnectedClient], *, as_json: bool
) -> None:
    """Print logins with their connections, for a program or for people."""
    sockets = {each.id: [one for one in connected if one.login == each.id] for each in found}
    console = Console()
    if as_json:
        rows = [json_row(each, sockets[each.id]) for each in found]
        console.write(msgspec.json.encode(rows).decode())
    elif found:
        for line in align_columns([HEADING, *(row(each, sockets[each.id]) for each in found)]):
            console.write(line)
    else:
        print("no logins")


def json_row(login: Login, sockets: Sequence[ConnectedClient]) -> Mapping[str, object]:
    """Return one entry of the JSON list."""
    return {
        "id": login.id,
        "user": login.user,
        "address": login.address,
        "agent": login.agent,
        "kind": login.kind,
        "name": login.label,
        "created": rfc3339(login.created),
        "expires": rfc3339(login.expires),
        "watching": [
            {"address": socket.address, "since": rfc3339(socket.since)} for socket in sockets
        ],
    }


def row(login: Login, sockets: Sequence[ConnectedClient]) -> Sequence[str]:
    """Return one line of the table."""
    return (
        login.id,
        login.user,
        login.address,
        local_time(login.created),
        until(login),
        connected_since(sockets),
        f"access token {login.label}" if login.kind == KIND else login.agent,
    )


def until(login: Login) -> str:
    """Return the end of a login in local time."""
    return "never" if is_endless(login) else local_time(login.expires)


def connected_since(sockets: Sequence[ConnectedClient]) -> str:
    """Return the start of the oldest connection, and the number of connections if above 1."""
    if not sockets:
        return "-"
    since = local_time(min(socket.since for socket in sockets))
    return f"since {since}" + (f" ({len(sockets)})" if len(sockets) > 1 else "")
