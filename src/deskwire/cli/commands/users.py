"""Command `deskwire users`: the users of this desk and their passwords.

A running daemon applies each change at once. It logs out the clients of a removed user or of one
with a new password within a second.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from deskwire.auth.passwords import Passwords
from deskwire.auth.users import Users, read_users, require_free_name, require_user
from deskwire.cli import exit_codes
from deskwire.cli.exit_codes import fail, require_terminal
from deskwire.cli.local_desk import local_time, open_state, rfc3339
from deskwire.cli.options import config_option, password_option, state_dir_option
from deskwire.daemon.control_socket import refresh_after
from deskwire.model.access import Scope
from deskwire.terminal.console import align_columns, read_password_line


@click.group()
def users() -> None:
    """Manage the users of this desk."""


@users.command()
@click.argument("name")
@password_option
@click.option(
    "--scope",
    default="monitor,control",
    show_default=True,
    help="Permissions: read the state of the desk (monitor), control its devices (control), "
    "suspend it or power it off (power).",
)
@state_dir_option
@config_option
def add(
    name: str, password_stdin: bool, scope: str, state_dir: Path | None, config: Path | None
) -> None:
    """Add a user with a password of at least 8 characters.

    NAME is 1 to 32 letters (a-z), digits and . _ - @; Ann and ann are the same user.
    """
    scopes = parse_scopes(scope)
    with open_state(state_dir, config, create=True) as state:
        asyncio.run(state.read(lambda connection: require_free_name(connection, name)))
        password = read_new_password(name, from_stdin=password_stdin)
        asyncio.run(Users(state, Passwords()).add(name, password, scopes))
    print(f"added {name} with scopes {', '.join(sort_scopes(scopes))}")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@state_dir_option
@config_option
def list_users(as_json: bool, state_dir: Path | None, config: Path | None) -> None:
    """List the users with their scopes."""
    with open_state(state_dir, config) as state:
        found = asyncio.run(state.read(read_users))
    if as_json:
        rows = [
            {
                "name": each.name,
                "scopes": sort_scopes(each.scopes),
                "created": rfc3339(each.created),
            }
            for each in found
        ]
        print(msgspec.json.encode(rows).decode())
    elif found:
        table = [
            (each.name, ",".join(sort_scopes(each.scopes)), local_time(each.created))
            for each in found
        ]
        print(*align_columns([("NAME", "SCOPES", "SINCE"), *table]), sep="\n")
    else:
        print("no users yet; run `deskwire users add NAME` to add one")


@users.command()
@click.argument("name")
@password_option
@state_dir_option
@config_option
def passwd(name: str, password_stdin: bool, state_dir: Path | None, config: Path | None) -> None:
    """Change a user's password and end all logins of the user."""
    with open_state(state_dir, config) as state:
        asyncio.run(state.read(lambda connection: require_user(connection, name)))
        password = read_new_password(name, from_stdin=password_stdin)
        with refresh_after(state.folder):
            asyncio.run(Users(state, Passwords()).set_password(name, password))
    print(f"changed the password of {name} and ended all logins")


@users.command()
@click.argument("name")
@state_dir_option
@config_option
def remove(name: str, state_dir: Path | None, config: Path | None) -> None:
    """Remove a user and end all logins of the user."""
    with open_state(state_dir, config) as state, refresh_after(state.folder):
        asyncio.run(Users(state, Passwords()).remove(name))
    print(f"removed {name} and ended all logins")


def parse_scopes(text: str) -> frozenset[Scope]:
    """Parse the value of `--scope`. An unknown scope ends the command."""
    try:
        return frozenset(Scope(word.strip()) for word in text.split(","))
    except ValueError:
        known = ", ".join(Scope)
        fail(
            f"--scope: expected one or more of {known} with a comma, found {text!r}",
            exit_codes.USAGE,
        )


def sort_scopes(scopes: Iterable[Scope]) -> list[str]:
    """Return scopes in the order of their declaration."""
    return [scope for scope in Scope if scope in frozenset(scopes)]


def read_new_password(name: str, *, from_stdin: bool) -> str:
    """Return a line of standard input, or the answer to a prompt that asks twice."""
    if from_stdin:
        return read_password_line()
    require_terminal()
    password: str = click.prompt(
        f"Password for {name}", hide_input=True, confirmation_prompt="Repeat the password"
    )
    return password
