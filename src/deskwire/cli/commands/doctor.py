"""`deskwire doctor`: what this desk has, what is missing, and why.

Exit code 0 when everything is ok, absent or disabled; 1 when something is unavailable or unsafe.
What it prints, `--json` too, is described in `doctor_report`.
"""

import os
import sys
from pathlib import Path

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.options import config_option, load_settings, state_dir_option


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
@state_dir_option
def doctor(as_json: bool, config: Path | None, state_dir: Path | None) -> None:
    """Say what this desk has, what is missing, and why."""
    import asyncio
    import time

    import msgspec

    from deskwire.cli.doctor_report import build_report, format_report
    from deskwire.daemon.doctor.system import check_up
    from deskwire.daemon.probe import probe_devices
    from deskwire.model.units import Seconds
    from deskwire.terminal.console import Console

    settings = load_settings({"server": {"state_dir": state_dir}}, config)
    looks = asyncio.run(probe_devices(settings, os.environ))
    now = Seconds(time.monotonic())
    whole = build_report(check_up(settings, os.environ), looks, now)
    paper = Console()
    if as_json:
        paper.write(msgspec.json.encode(whole).decode())
    else:
        for line in format_report(whole, paper):
            paper.write(line)
    if not whole.fine:
        sys.exit(exits.FAILED)
