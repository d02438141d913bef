"""Command `deskwire top`: a live terminal screen of a desk."""

import os
import sys
from collections.abc import Mapping

import click

from deskwire.cli import exit_codes
from deskwire.cli.commands.watch import report_retry
from deskwire.cli.desk_session import open_session
from deskwire.cli.exit_codes import fail
from deskwire.cli.options import desk_option, wait_option
from deskwire.client.desk_state import ConnectionState, Phase
from deskwire.tui.app import StateQueue, TopApp
from deskwire.tui.graphics import GraphicsProtocol
from deskwire.tui.reauthentication import Reauthentication
from deskwire.tui.terminal_capabilities import detect_graphics

AUTO = "auto"


@click.command()
@click.option(
    "--art",
    "protocol",
    type=click.Choice([AUTO, "kitty", "sixel", "blocks", "none"]),
    default=AUTO,
    show_default=True,
    help="Form of cover pictures: kitty's protocol, sixels, half blocks or none."
    " The default asks the terminal.",
)
@wait_option
@desk_option
def top(*, protocol: str, wait: bool, host: str | None) -> None:
    """Show a desk live: its readings, its players, and keys to control them.

    Space plays and pauses the selected player, n and p skip, s stops it, the arrow keys select
    another player, q quits. After a lost connection, it reconnects by itself. The first line
    shows the state of the connection.
    """
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        fail("top needs a terminal; use `deskwire watch` without one", exit_codes.USAGE)
    states, connecting = StateQueue(maxlen=64), True

    def on_state(state: ConnectionState) -> None:
        states.append(state)
        if connecting:
            report_retry(state)

    with open_session(host, on_state) as session:
        desk = session.connect(wait=wait)
        connecting = False  # from here on, the first line shows the state
        graphics = detect_graphics(
            wanted_protocol(protocol, os.environ), sys.stdin.fileno(), sys.stderr.fileno()
        )
        reauthentication = Reauthentication(session.username, session.connect_with)
        app = TopApp(desk, states, graphics, reauthentication)
        code = app.run(mouse=False)
        if app.state.phase is Phase.ENDED and app.state.problem is not None:
            raise app.state.problem
    sys.exit(code or exit_codes.OK)


def wanted_protocol(word: str, environ: Mapping[str, str]) -> GraphicsProtocol | None:
    """Return the protocol that the user chose, or `None` to ask the terminal.

    With `NO_COLOR` (https://no-color.org), the default is half blocks without colours.
    """
    if word == AUTO:
        return GraphicsProtocol.BLOCKS if environ.get("NO_COLOR") else None
    return GraphicsProtocol(word)
