"""`deskwire mock`: a desk that is not there, for whoever writes a client."""

from typing import TYPE_CHECKING

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.commands.users import password_from_stdin
from deskwire.cli.options import fail

if TYPE_CHECKING:
    from deskwire.simulator.faults import Fault


@click.command()
@click.option(
    "--scenario",
    default="example",
    show_default=True,
    metavar="NAME|FILE",
    help="What happens on the desk: example, laptop, players, none, or a file of your own.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen on this address.")
@click.option(
    "--port", default=8765, show_default=True, type=int, help="Listen on this port; 0 picks one."
)
@click.option("--user", default="owner", show_default=True, help="Who may log in.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input; else it is only-a-rehearsal.",
)
@click.option(
    "--lifetime",
    default=1200,
    type=float,
    show_default=True,
    metavar="SECONDS",
    help="How long a websocket token lives.",
)
@click.option(
    "--warning",
    default=240,
    type=float,
    show_default=True,
    metavar="SECONDS",
    help="How long before its end a session is said to expire.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT@SECONDS",
    help="What goes wrong, and when: close=CODE (1000, 1001, 1006, 4001, 4004, …), slow, garbage."
    " SECONDS after the first screen is let in; may be given more than once.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let pages from there ask, as server.allowed_origins does.",
)
@click.option("--no-tls", is_flag=True, help="Speak plainly; on a loopback address only.")
def mock(
    *,
    scenario: str,
    host: str,
    port: int,
    user: str,
    password_stdin: bool,
    lifetime: float,
    warning: float,
    faults: tuple[str, ...],
    origins: tuple[str, ...],
    no_tls: bool,
) -> None:
    """Serve a desk that is not there, until Ctrl-C.

    It is the daemon's own server around a scene, for trying a client or for a client's tests. What
    it keeps is gone when it ends.
    """
    from deskwire.daemon import logs
    from deskwire.daemon.config.load import is_loopback
    from deskwire.daemon.port import why_taken
    from deskwire.model.problems import Problem
    from deskwire.model.units import Seconds
    from deskwire.simulator import runner as life
    from deskwire.simulator.mock import PASSWORD, Mock
    from deskwire.simulator.scenario import BadScenario, load
    from deskwire.simulator.simulation import rehearse

    if no_tls and not is_loopback(host):
        fail(f"--no-tls is for a loopback address, found --host {host}", exits.USAGE)
    if not 0 < lifetime <= 31_622_400:
        fail(f"--lifetime: expected a number of seconds above 0, found {lifetime:g}", exits.USAGE)
    try:
        scene, pictures = load(scenario)
        rehearse(scene, scenario)
    except BadScenario as problem:
        fail(str(problem), exits.USAGE)
    it = Mock(
        scene,
        pictures,
        host=host,
        port=port,
        user=user,
        password=password_from_stdin() if password_stdin else PASSWORD,
        tls=not no_tls,
        lifetime=Seconds(lifetime),
        warning=Seconds(warning),
        faults=read_faults(faults),
        origins=origins,
    )
    logs.begin(to_journal=False)
    try:
        life.run(it, lambda line: print(line, flush=True))
    except OSError as problem:
        fail(why_taken(host, port, problem), exits.PORT)
    except Problem as problem:
        fail(problem.message, exits.USAGE)


def read_faults(texts: tuple[str, ...]) -> "list[Fault]":
    """Read what was given as `--fault`; a wrong one ends the command."""
    from deskwire.simulator.faults import parse_fault

    faults = []
    for text in texts:
        try:
            faults.append(parse_fault(text))
        except ValueError as problem:
            fail(f"--fault: {problem}, found {text!r}", exits.USAGE)
    return faults
