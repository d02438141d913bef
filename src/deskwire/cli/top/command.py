"""`deskwire top`: the command; the screen itself is imported when it runs."""

import sys

import click

from deskwire.cli import exits
from deskwire.cli.reach import desk_option, reached
from deskwire.cli.settled import stop


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
    with reached(host, on_state=journal, wait=wait) as desk:
        code = Top(desk, desk.address, journal).run(mouse=False)
        state = desk.state
        if state.phase is Phase.ENDED and state.problem is not None:
            raise state.problem
    sys.exit(code or exits.OK)
