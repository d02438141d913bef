"""`deskwire doctor`: what this desk has, what is missing, and why.

Exit code 0 when everything is ok, absent or disabled; 1 when something is unavailable or unsafe.
What it prints, `--json` too, is described in `report`.
"""

import os
import sys
from pathlib import Path

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.options import config_option, settled, state_dir_option


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
@state_dir_option
def doctor(as_json: bool, config: Path | None, state_dir: Path | None) -> None:
    """Say what this desk has, what is missing, and why."""
    import asyncio
    import time

    import msgspec

    from deskwire.cli.doctor_report import page, report
    from deskwire.daemon.doctor.system import check_up
    from deskwire.daemon.probe import look_around
    from deskwire.model.units import Seconds
    from deskwire.terminal.console import Paper

    settings = settled({"server": {"state_dir": state_dir}}, config)
    looks = asyncio.run(look_around(settings, os.environ))
    now = Seconds(time.monotonic())
    whole = report(check_up(settings, os.environ), looks, now)
    paper = Paper()
    if as_json:
        paper.write(msgspec.json.encode(whole).decode())
    else:
        for line in page(whole, paper):
            paper.write(line)
    if not whole.fine:
        sys.exit(exits.FAILED)
