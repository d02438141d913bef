"""`deskwire top`: the command; the screen itself is imported when it runs."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.commands.watch import say
from deskwire.cli.connect import desk_option, open_session
from deskwire.cli.options import fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from deskwire.client.connection_state import State
    from deskwire.tui.graphics import GraphicsProtocol


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
        fail("top needs a terminal; `deskwire watch` writes to anything", exits.USAGE)

    from deskwire.client.connection_state import Phase
    from deskwire.tui.app import TopApp
    from deskwire.tui.reauthentication import Reauthentication
    from deskwire.tui.state_queue import StateQueue
    from deskwire.tui.terminal_capabilities import detect_graphics

    journal = StateQueue()
    before: Callable[[State], None] = say

    def on_state(state: "State") -> None:
        journal(state)
        before(state)

    with open_session(host, on_state) as door:
        desk = door.enter(wait=wait)
        before = unsaid
        canvas = detect_graphics(meant(medium, os.environ), sys.stdin.fileno(), sys.stderr.fileno())
        screen = TopApp(desk, journal, canvas, Reauthentication(door.username, door.try_password))
        code = screen.run(mouse=False)
        if screen.state.phase is Phase.ENDED and screen.state.problem is not None:
            raise screen.state.problem
    sys.exit(code or exits.OK)


def unsaid(_state: "State") -> None:
    """Say nothing: the screen does."""


def meant(word: str, environ: Mapping[str, str]) -> "GraphicsProtocol | None":
    """Return what covers are to be painted with, `None` for what the terminal can.

    `NO_COLOR` (https://no-color.org) is no wish for pictures.
    """
    from deskwire.tui.graphics import GraphicsProtocol

    if word == AUTO:
        return GraphicsProtocol.BLOCKS if environ.get("NO_COLOR") else None
    return GraphicsProtocol(word)
