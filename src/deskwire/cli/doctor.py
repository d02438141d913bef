"""`deskwire doctor`: what this desk has, what is missing, and why.

Exit code 0 when everything is ok, absent or disabled; 1 when something is unavailable or unsafe.
What it prints, `--json` too, is described in `report`.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from deskwire.cli import exits
from deskwire.cli.settled import settled


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    config: Annotated[
        Path | None, typer.Option(help="Read settings from this file.", metavar="FILE")
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(help="Look at the users and keys in this folder.", metavar="DIR"),
    ] = None,
) -> None:
    """Say what this desk has, what is missing, and why."""
    import asyncio
    import time

    import msgspec

    from deskwire.cli.paper import Paper
    from deskwire.cli.report import page, report
    from deskwire.daemon.checkup import check_up
    from deskwire.daemon.once import look_around
    from deskwire.model.units import Seconds

    settings = settled({"server": {"state_dir": state_dir}}, config)
    looks = asyncio.run(look_around(settings, os.environ))
    now = Seconds(time.monotonic())
    whole = report(check_up(settings, os.environ), looks, now)
    paper = Paper()
    if json:
        paper.write(msgspec.json.encode(whole).decode())
    else:
        for line in page(whole, paper):
            paper.write(line)
    if not whole.fine:
        raise typer.Exit(exits.FAILED)
