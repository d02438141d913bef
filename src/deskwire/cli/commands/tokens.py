"""Command `deskwire tokens`: access tokens for scripts, dashboards and buttons.

A running daemon applies each change at once.
"""

import asyncio
from pathlib import Path

import click
import msgspec

from deskwire.auth import access_tokens
from deskwire.auth.logins import delete_login, read_logins
from deskwire.auth.users import read_users
from deskwire.cli import exit_codes
from deskwire.cli.commands.logins import until
from deskwire.cli.commands.users import parse_scopes, sort_scopes
from deskwire.cli.exit_codes import fail
from deskwire.cli.local_desk import local_time, open_state, rfc3339
from deskwire.cli.options import config_option, state_dir_option
from deskwire.daemon.control_socket import refresh_after
from deskwire.model.instant import read_clock
from deskwire.model.units import Seconds
from deskwire.terminal.console import Console, align_columns

MAX_DAYS = 36_500
"""As long as a token without an end."""


@click.group()
def tokens() -> None:
    """Manage the access tokens of scripts.

    A script sends its token as `Authorization: Bearer TOKEN`.
    """


@tokens.command()
@click.argument("name")
@click.option("--user", help="User of the token. The default is the only user.")
@click.option(
    "--scope",
    default="monitor",
    show_default=True,
    help="Permissions of the token: monitor, control and power, with a comma between them.",
)
@click.option(
    "--days", type=click.IntRange(1, MAX_DAYS), help="Days until it expires. The default is never."
)
@state_dir_option
@config_option
def create(
    *,
    name: str,
    user: str | None,
    scope: str,
    days: int | None,
    state_dir: Path | None,
    config: Path | None,
) -> None:
    """Create an access token and print it once."""
    scopes = parse_scopes(scope)
    lifetime = access_tokens.NEVER if days is None else Seconds(days * 86400.0)
    with open_state(state_dir, config) as state:
        owner = user or only_user([each.name for each in asyncio.run(state.read(read_users))])
        wanted = access_tokens.NewToken(owner, name, scopes, lifetime)
        with refresh_after(state.folder):
            token = asyncio.run(
                state.change(
                    lambda connection: access_tokens.create(
                        connection, wanted, read_clock(), state.boot_id
                    )
                )
            )
    print(token)


@tokens.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@state_dir_option
@config_option
def list_tokens(as_json: bool, state_dir: Path | None, config: Path | None) -> None:
    """List the access tokens with user, scopes and times."""
    with open_state(state_dir, config) as state:
        now, found = read_clock(), asyncio.run(state.read(read_logins))
        valid = [
            each
            for each in found
            if each.kind == access_tokens.KIND and each.remaining(now, state.boot_id) > 0
        ]
    console = Console()
    if as_json:
        rows = [
            {
                "name": each.label,
                "user": each.user,
                "scopes": sort_scopes(each.scopes),
                "created": rfc3339(each.created),
                "expires": None if access_tokens.is_endless(each) else rfc3339(each.expires),
            }
            for each in valid
        ]
        console.write(msgspec.json.encode(rows).decode())
    elif valid:
        table = [
            (
                each.label,
                each.user,
                ",".join(sort_scopes(each.scopes)),
                local_time(each.created),
                until(each),
            )
            for each in valid
        ]
        for line in align_columns([("NAME", "USER", "SCOPES", "SINCE", "UNTIL"), *table]):
            console.write(line)
    else:
        print("no access tokens; run `deskwire tokens create NAME` to create one")


@tokens.command()
@click.argument("name")
@state_dir_option
@config_option
def end(name: str, state_dir: Path | None, config: Path | None) -> None:
    """End an access token and close its sockets."""
    with open_state(state_dir, config) as state:
        found = asyncio.run(state.read(lambda connection: access_tokens.find(connection, name)))
        if found is None:
            fail(f"no access token {name!r}; run `deskwire tokens list`", exit_codes.FAILED)
        with refresh_after(state.folder):
            asyncio.run(state.change(lambda connection: delete_login(connection, found)))
    print(f"ended access token {name}")


def only_user(names: list[str]) -> str:
    """Return the only user, or end the command."""
    if len(names) != 1:
        fail(f"--user: expected one of {', '.join(names) or 'no user yet'}", exit_codes.USAGE)
    return names[0]
