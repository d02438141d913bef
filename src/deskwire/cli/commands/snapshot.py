"""`deskwire snapshot`: one reading of this machine, no server.

`--json` prints exactly the object that `stats` carries, on one line.
"""

import os
from pathlib import Path

import click

from deskwire.cli.options import config_option, load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the object that `stats` carries.")
@config_option
def snapshot(as_json: bool, config: Path | None) -> None:
    """Read this machine once, without a server."""
    import asyncio
    import time

    from deskwire.daemon.probe import probe_devices, snapshot_of
    from deskwire.model.units import Seconds
    from deskwire.protocol.base.stats import encode_snapshot
    from deskwire.terminal.console import Console, align_columns
    from deskwire.terminal.formatting import snapshot_rows

    looks = asyncio.run(probe_devices(load_settings({}, config), os.environ))
    now = Seconds(time.monotonic())
    paper = Console()
    if as_json:
        paper.write(encode_snapshot(snapshot_of(looks), now).decode())
        return
    for line in align_columns(snapshot_rows(looks, now)):
        paper.write(line)
