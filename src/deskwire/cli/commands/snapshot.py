"""Command `deskwire snapshot`: one reading of every device, without a server."""

import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path

import click

from deskwire.cli.local_desk import load_settings
from deskwire.cli.options import config_option
from deskwire.daemon.doctor.health import Condition
from deskwire.daemon.probe import ProbeResult, probe_devices, snapshot_of
from deskwire.model.text import printable
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import encode_snapshot
from deskwire.terminal.console import Console, align_columns
from deskwire.terminal.formatting import format_reading


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the JSON object of `stats`.")
@config_option
def snapshot(as_json: bool, config: Path | None) -> None:
    """Read this desk once, without a server."""
    probes = asyncio.run(probe_devices(load_settings({}, config), os.environ))
    now = Seconds(time.monotonic())
    console = Console()
    if as_json:
        console.write(encode_snapshot(snapshot_of(probes), now).decode())
        return
    for line in align_columns(snapshot_rows(probes, now)):
        console.write(line)


def snapshot_rows(probes: Iterable[ProbeResult], now: Seconds) -> list[tuple[str, str]]:
    """Return name and reading of each device that is not disabled. `now` is CLOCK_MONOTONIC."""
    rows: list[tuple[str, str]] = []
    for probe in probes:
        if probe.condition is Condition.OK:
            lines = format_reading(probe.reading, now)
            rows += zip([probe.name, *[""] * (len(lines) - 1)], lines, strict=True)
        elif probe.condition is Condition.ABSENT:
            rows.append((probe.name, f"none: {printable(probe.why)}"))
        elif probe.condition is Condition.UNAVAILABLE:
            rows.append((probe.name, f"unavailable: {printable(probe.why)}"))
    return rows
