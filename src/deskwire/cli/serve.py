"""`deskwire serve`: the daemon."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from deskwire.cli import exits


def serve(
    config: Annotated[
        Path | None, typer.Option(help="Read settings from this file.", metavar="FILE")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Listen on this address.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Listen on this port; 0 picks a free one.")
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(help="Keep users, logins and keys in this folder.", metavar="DIR"),
    ] = None,
    no_tls: Annotated[
        bool, typer.Option("--no-tls", help="Speak plainly; on a loopback address only.")
    ] = False,
) -> None:
    """Serve this desk until Ctrl-C.

    The first start makes the user "owner" and shows its password once.
    """
    from deskwire.daemon import life, logs
    from deskwire.daemon.config import BadSetting, load
    from deskwire.model.problems import StateUnavailable

    flags = {
        "server": {
            "host": host,
            "port": port,
            "state_dir": state_dir,
            "tls": False if no_tls else None,
        }
    }
    logs.begin(to_journal="JOURNAL_STREAM" in os.environ)
    try:
        life.run(load(flags, os.environ, config), os.environ, _say)
    except BadSetting as problem:
        _end(str(problem), exits.USAGE)
    except life.PortTaken as problem:
        _end(problem.message, exits.PORT)
    except StateUnavailable as problem:
        _end(problem.message, exits.STATE)


def _say(line: str) -> None:
    print(line, flush=True)


def _end(why: str, code: int) -> NoReturn:
    print(f"deskwire: {why}", file=sys.stderr)
    raise typer.Exit(code)
