"""Command `deskwire mock`: a simulated desk for the development of clients."""

import sys
from collections.abc import Iterable

import click

from deskwire.cli import exit_codes
from deskwire.cli.exit_codes import fail
from deskwire.cli.options import seconds_option
from deskwire.daemon import logs
from deskwire.daemon.config.load import is_loopback
from deskwire.daemon.port import describe_failure
from deskwire.model.problems import Problem
from deskwire.model.units import Seconds
from deskwire.server.http.request_policy import parse_origin
from deskwire.simulator.faults import Fault, parse_fault
from deskwire.simulator.mock import PASSWORD, Mock, run
from deskwire.simulator.scenario import BadScenario, load
from deskwire.simulator.simulation import validate
from deskwire.terminal.console import print_now, read_password_line

MAX_LIFETIME = 31_622_400
"""One leap year in seconds."""


@click.command()
@click.option(
    "--scenario",
    default="example",
    show_default=True,
    metavar="NAME|FILE",
    help="Desk to simulate: example, laptop, players, none, or a scenario file.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8765, show_default=True, type=int, help="Port to listen on; 0 picks one."
)
@click.option("--user", default="owner", show_default=True, help="User that may log in.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help=f"Read the password from the first line of standard input. The default is {PASSWORD}.",
)
@seconds_option("--lifetime", 1200, "Lifetime of a websocket token.")
@seconds_option("--warning", 240, "Time between the expiry warning and the end of a session.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT@SECONDS",
    help="Fault to inject: close=CODE (1000, 1001, 1006, 4001, 4004, …), slow or garbage."
    " SECONDS count from the first authenticated client. May be given more than once.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Origin of foreign pages to accept, like server.allowed_origins.",
)
@click.option("--no-tls", is_flag=True, help="Serve plain HTTP, on a loopback address only.")
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
    """Serve a simulated desk until Ctrl-C.

    It runs the daemon's own server on a written scenario, to develop and test clients. Its state
    is deleted when it ends.
    """
    if no_tls and not is_loopback(host):
        fail(f"--no-tls needs a loopback address, found --host {host}", exit_codes.USAGE)
    if not 0 < lifetime <= MAX_LIFETIME:
        fail(f"--lifetime: expected seconds above 0, found {lifetime:g}", exit_codes.USAGE)
    for origin in origins:
        if parse_origin(origin) is None:
            fail(f"--allow-origin: expected SCHEME://HOST[:PORT], found {origin}", exit_codes.USAGE)
    if not is_loopback(host) and not password_stdin:
        print(
            f"deskwire: warning: the password is public, and every host that reaches {host} "
            "can log in; use --password-stdin",
            file=sys.stderr,
        )
    try:
        script, pictures = load(scenario)
        validate(script, scenario)
    except BadScenario as problem:
        fail(str(problem), exit_codes.USAGE)
    server = Mock(
        script,
        pictures,
        host=host,
        port=port,
        user=user,
        password=read_password_line() if password_stdin else PASSWORD,
        tls=not no_tls,
        lifetime=Seconds(lifetime),
        warning=Seconds(warning),
        faults=read_faults(faults),
        origins=origins,
    )
    logs.configure(to_journal=False)
    try:
        run(server, print_now)
    except OSError as problem:
        fail(describe_failure(host, port, problem), exit_codes.PORT)
    except Problem as problem:
        fail(problem.message, exit_codes.USAGE)


def read_faults(texts: Iterable[str]) -> list[Fault]:
    """Parse the values of `--fault`. A wrong one ends the command."""
    faults = []
    for text in texts:
        try:
            faults.append(parse_fault(text))
        except ValueError as problem:
            fail(f"--fault: {problem}, found {text!r}", exit_codes.USAGE)
    return faults
