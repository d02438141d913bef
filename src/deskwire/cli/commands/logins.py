"""`deskwire logins`: who is logged in, and ending it.

A running daemon follows: the screen of an ended login is logged out within a second.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.open_state import local_time, open_state, rfc3339
from deskwire.cli.options import config_option, fail, state_dir_option

if TYPE_CHECKING:
    from deskwire.auth.login import Login
    from deskwire.server.websocket.endpoint import Watcher


@click.command(short_help="Print who is logged in, or end one login.")
@click.option("--end", metavar="ID", help="Log this one out; the list has its ID.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@state_dir_option
@config_option
def logins(end: str | None, as_json: bool, state_dir: Path | None, config: Path | None) -> None:
    """Print who is logged in, from where, since when, and who is watching now; or end one login."""
    import asyncio

    from deskwire.auth.login import all_logins, delete
    from deskwire.daemon.control_socket import ask
    from deskwire.model.access import LoginId
    from deskwire.model.instant import read_clock

    with open_state(state_dir, config) as state:
        if end is None:
            now, found = read_clock(), asyncio.run(state.read(all_logins))
            living = [each for each in found if each.left(now, state.boot_id) > 0]
            show(living, ask(state.folder), as_json=as_json)
        elif asyncio.run(state.change(lambda connection: delete(connection, LoginId(end)))):
            print(f"{end} is logged out")
        else:
            fail(f"there is no login {end!r}; `deskwire logins` lists them", exits.FAILED)


def show(found: "list[Login]", watching: "list[Watcher]", *, as_json: bool) -> None:
    """Print logins and which of them watch now, for a program or for a person."""
    import msgspec

    from deskwire.terminal.console import Console, align_columns

    of_login = {
        each.id: [watcher for watcher in watching if watcher.login == each.id] for each in found
    }
    paper = Console()
    if as_json:
        rows = [
            {
                "id": each.id,
                "user": each.user,
                "address": each.address,
                "agent": each.agent,
                "created": rfc3339(each.created),
                "expires": rfc3339(each.expires),
                "watching": [
                    {"address": watcher.address, "since": rfc3339(watcher.since)}
                    for watcher in of_login[each.id]
                ],
            }
            for each in found
        ]
        paper.write(msgspec.json.encode(rows).decode())
    elif found:
        table = [
            (
                each.id,
                each.user,
                each.address,
                local_time(each.created),
                local_time(each.expires),
                watched(of_login[each.id]),
                each.agent,
            )
            for each in found
        ]
        heading = ("ID", "USER", "FROM", "SINCE", "UNTIL", "WATCHING", "SCREEN")
        for line in align_columns([heading, *table]):
            paper.write(line)
    else:
        print("nobody is logged in")


def watched(by: "list[Watcher]") -> str:
    """Say whether a login watches now, since when, and on how many sockets if they are several."""
    if not by:
        return "-"
    since = local_time(min(watcher.since for watcher in by))
    return f"since {since}" + (f" ({len(by)})" if len(by) > 1 else "")
