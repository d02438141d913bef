"""`deskwire top`: the command; the screen itself is imported when it runs."""

import sys
from typing import TYPE_CHECKING

import click

from deskwire.cli import exits
from deskwire.cli.reach import desk_option, reached
from deskwire.cli.settled import stop
from deskwire.cli.watch import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from deskwire.client.state import State


@click.command()
@click.option("--wait", is_flag=True, help="Wait for a desk that is not there yet.")
@desk_option
def top(*, wait: bool, host: str | None) -> None:
    """Show a desk as a live screen: its numbers, its players, and keys to move them.

    Space plays and pauses the selected player, n and p skip, s stops it, the arrows select another,
    q quits. A lost connection comes back by itself; the first line says how it stands.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        stop("top needs a terminal; `deskwire watch` writes to anything", exits.USAGE)

    from deskwire.cli.top.app import Journal, Top
    from deskwire.client.state import Phase

    journal = Journal()
    before: Callable[[State], None] = say

    def on_state(state: "State") -> None:
        journal(state)
        before(state)

    with reached(host, on_state=on_state, wait=wait) as desk:
        before = unsaid
        code = Top(desk, desk.address, journal).run(mouse=False)
        state = desk.state
        if state.phase is Phase.ENDED and state.problem is not None:
            raise state.problem
    sys.exit(code or exits.OK)


def unsaid(_state: "State") -> None:
    """Say nothing: the screen does."""
