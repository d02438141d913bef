"""`deskwire users`: who may come in.

A running daemon follows: a person who was added can log in at once, and the screens of one who was
removed or got a new password are logged out within a second.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.open_state import local_time, open_state, rfc3339
from deskwire.cli.options import config_option, fail, state_dir_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deskwire.model.access import Scope

LONGEST_LINE = 8192
"""Bytes; longer than any password."""

password_option = click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input instead of asking for it.",
)


@click.group()
def users() -> None:
    """Say who may come in, and with which password."""


@users.command()
@click.argument("name")
@password_option
@click.option(
    "--scope",
    default="monitor,control",
    show_default=True,
    help="What they may do: see how the desk is (monitor), move it (control).",
)
@state_dir_option
@config_option
def add(
    name: str, password_stdin: bool, scope: str, state_dir: Path | None, config: Path | None
) -> None:
    """Let somebody in, with a password of at least 8 characters.

    NAME is 1 to 32 letters (a-z), digits and . _ - @; Ann and ann are the same person.
    """
    import asyncio

    from deskwire.auth.passwords import Passwords
    from deskwire.auth.users import Users, require_free

    scopes = scopes_in(scope)
    with open_state(state_dir, config, make=True) as state:
        asyncio.run(state.read(lambda connection: require_free(connection, name)))
        given = password_from_stdin() if password_stdin else password_from_terminal(name)
        asyncio.run(Users(state, Passwords()).add(name, given, scopes))
    print(f"{name} may {' and '.join(in_order(scopes))}")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
@state_dir_option
@config_option
def list_users(as_json: bool, state_dir: Path | None, config: Path | None) -> None:
    """Print who may come in, and since when."""
    import asyncio

    import msgspec

    from deskwire.auth.users import everybody
    from deskwire.terminal.console import align_columns

    with open_state(state_dir, config) as state:
        found = asyncio.run(state.read(everybody))
    if as_json:
        rows = [
            {"name": each.name, "scopes": in_order(each.scopes), "created": rfc3339(each.created)}
            for each in found
        ]
        print(msgspec.json.encode(rows).decode())
    elif found:
        table = [
            (each.name, ",".join(in_order(each.scopes)), local_time(each.created)) for each in found
        ]
        print(*align_columns([("NAME", "MAY", "SINCE"), *table]), sep="\n")
    else:
        print("nobody yet; `deskwire users add NAME` lets somebody in")


@users.command()
@click.argument("name")
@password_option
@state_dir_option
@config_option
def passwd(name: str, password_stdin: bool, state_dir: Path | None, config: Path | None) -> None:
    """Give somebody a new password and log out all their screens."""
    import asyncio

    from deskwire.auth.passwords import Passwords
    from deskwire.auth.users import Users, require_known

    with open_state(state_dir, config) as state:
        asyncio.run(state.read(lambda connection: require_known(connection, name)))
        given = password_from_stdin() if password_stdin else password_from_terminal(name)
        asyncio.run(Users(state, Passwords()).set_password(name, given))
    print(f"{name} has a new password and is logged out everywhere")


@users.command()
@click.argument("name")
@state_dir_option
@config_option
def remove(name: str, state_dir: Path | None, config: Path | None) -> None:
    """Let somebody in no longer, and log out all their screens."""
    import asyncio

    from deskwire.auth.passwords import Passwords
    from deskwire.auth.users import Users

    with open_state(state_dir, config) as state:
        asyncio.run(Users(state, Passwords()).remove(name))
    print(f"{name} is removed, and logged out everywhere")


def scopes_in(text: str) -> "frozenset[Scope]":
    """Read what was given as `--scope`; a wrong word ends the command."""
    from deskwire.model.access import Scope

    try:
        return frozenset(Scope(word.strip()) for word in text.split(","))
    except ValueError:
        words = ", ".join(Scope)
        fail(f"--scope: expected one or both of {words} with a comma, found {text!r}", exits.USAGE)


def in_order(scopes: "Iterable[Scope]") -> list[str]:
    """Return scopes as they are shown: to see comes before to move."""
    return sorted(scopes, reverse=True)


def password_from_stdin() -> str:
    """Read one line, without its end; what is no UTF-8 comes out as no text."""
    line = sys.stdin.buffer.readline(LONGEST_LINE)
    return line.removesuffix(b"\n").removesuffix(b"\r").decode(errors="surrogateescape")


def password_from_terminal(name: str) -> str:
    """Ask twice, without showing what is typed."""
    if not sys.stdin.isatty():
        fail("there is no terminal to ask for a password on: use --password-stdin", exits.USAGE)
    given: str = click.prompt(
        f"Password for {name}", hide_input=True, confirmation_prompt="Once more"
    )
    return given
