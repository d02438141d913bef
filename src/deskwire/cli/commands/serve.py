"""`deskwire serve`: the daemon."""

import os
from pathlib import Path

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.options import config_option, fail, load_settings, state_dir_option


@click.command(short_help="Serve this desk until Ctrl-C.")
@config_option
@click.option("--host", help="Listen on this address.")
@click.option("--port", type=int, help="Listen on this port; 0 picks a free one.")
@state_dir_option
@click.option("--no-tls", is_flag=True, help="Speak plainly; on a loopback address only.")
def serve(
    config: Path | None, host: str | None, port: int | None, state_dir: Path | None, no_tls: bool
) -> None:
    """Serve this desk until Ctrl-C; SIGHUP takes settings and the certificate anew.

    The first start makes the user "owner" and shows its password once.
    """
    tls = False if no_tls else None
    flags = {"server": {"host": host, "port": port, "state_dir": state_dir, "tls": tls}}
    settings = load_settings(flags, config)

    from deskwire.daemon import logs
    from deskwire.daemon import runner as life
    from deskwire.daemon.config.load import load
    from deskwire.daemon.port import PortTaken
    from deskwire.model.problems import StateUnavailable

    logs.begin(to_journal="JOURNAL_STREAM" in os.environ)
    try:
        life.run(settings, os.environ, _say, lambda: load(flags, os.environ, config))
    except PortTaken as problem:
        fail(problem.message, exits.PORT)
    except StateUnavailable as problem:
        fail(problem.message, exits.STATE)


def _say(line: str) -> None:
    print(line, flush=True)
