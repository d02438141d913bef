"""Command `deskwire serve`: the daemon."""

import os
from pathlib import Path

import click

from deskwire.cli import exit_codes
from deskwire.cli.exit_codes import fail
from deskwire.cli.local_desk import load_settings
from deskwire.cli.options import config_option, state_dir_option
from deskwire.daemon import logs, runner
from deskwire.daemon.config.load import load
from deskwire.daemon.port import PortTaken
from deskwire.model.problems import StateUnavailable
from deskwire.terminal.console import discard_unwritable_output, print_now


@click.command()
@config_option
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 picks a free one.")
@state_dir_option
@click.option("--no-tls", is_flag=True, help="Serve plain HTTP, on a loopback address only.")
def serve(
    config: Path | None, host: str | None, port: int | None, state_dir: Path | None, no_tls: bool
) -> None:
    """Serve this desk until Ctrl-C. SIGHUP reloads settings and certificate.

    The first start creates the user "owner" and prints its password once.
    """
    tls = False if no_tls else None
    flags = {"server": {"host": host, "port": port, "state_dir": state_dir, "tls": tls}}
    settings = load_settings(flags, config)
    logs.configure(to_journal="JOURNAL_STREAM" in os.environ)
    try:
        runner.run(settings, os.environ, print_now, lambda: load(flags, os.environ, config))
    except PortTaken as problem:
        fail(problem.message, exit_codes.PORT)
    except StateUnavailable as problem:
        fail(problem.message, exit_codes.STATE)
    finally:
        discard_unwritable_output()  # the log has the reason
