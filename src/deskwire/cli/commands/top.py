"""`deskwire top`: the command; the screen itself is imported when it runs."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.commands.watch import say
from deskwire.cli.connect import at_the_door, desk_option
from deskwire.cli.options import stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from deskwire.client.connection_state import State
    from deskwire.tui.graphics import Medium


AUTO = "auto"


@click.command(short_help="Show a desk as a live screen, with keys to move it.")
@click.option(
    "--art",
    "medium",
    type=click.Choice([AUTO, "kitty", "sixel", "blocks", "none"]),
    default=AUTO,
    show_default=True,
    help="How covers are painted: as kitty's or as sixel pictures, in half blocks, not at all;"
    " else as the terminal says it can.",
)
@click.option("--wait", is_flag=True, help="Wait for a desk that is not there yet.")
@desk_option
def top(*, medium: str, wait: bool, host: str | None) -> None:
    """Show a desk as a live screen: its numbers, its players, and keys to move them.

    Space plays and pauses the selected player, n and p skip, s stops it, the arrows select another,
    q quits. A lost connection comes back by itself; the first line says how it stands.
    """
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        stop("top needs a terminal; `deskwire watch` writes to anything", exits.USAGE)

    from deskwire.client.connection_state import Phase
    from deskwire.tui.app import Top
    from deskwire.tui.reauthentication import Again
    from deskwire.tui.state_queue import Journal
    from deskwire.tui.terminal_capabilities import ask_for_canvas

    journal = Journal()
    before: Callable[[State], None] = say

    def on_state(state: "State") -> None:
        journal(state)
        before(state)

    with at_the_door(host, on_state) as door:
        desk = door.enter(wait=wait)
        before = unsaid
        canvas = ask_for_canvas(meant(medium, os.environ), sys.stdin.fileno(), sys.stderr.fileno())
        screen = Top(desk, journal, canvas, Again(door.username, door.try_password))
        code = screen.run(mouse=False)
        if screen.state.phase is Phase.ENDED and screen.state.problem is not None:
            raise screen.state.problem
    sys.exit(code or exits.OK)


def unsaid(_state: "State") -> None:
    """Say nothing: the screen does."""


def meant(word: str, environ: Mapping[str, str]) -> "Medium | None":
    """Return what covers are to be painted with, `None` for what the terminal can.

    `NO_COLOR` (https://no-color.org) is no wish for pictures.
    """
    from deskwire.tui.graphics import Medium

    if word == AUTO:
        return Medium.BLOCKS if environ.get("NO_COLOR") else None
    return Medium(word)
