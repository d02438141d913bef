"""`deskwire snapshot`: one reading of this machine, no server.

`--json` prints exactly the object that `stats` carries, on one line.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from deskwire.cli.settled import settled


def snapshot(
    json: Annotated[
        bool, typer.Option("--json", help="Print the object that `stats` carries.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="Read settings from this file.", metavar="FILE")
    ] = None,
) -> None:
    """Read this machine once, without a server."""
    import asyncio
    import time

    from deskwire.cli.paper import Paper
    from deskwire.cli.words import aligned, snapshot_rows
    from deskwire.daemon.once import look_around, snapshot_of
    from deskwire.model.units import Seconds
    from deskwire.protocol.codec import encode_snapshot

    looks = asyncio.run(look_around(settled({}, config), os.environ))
    now = Seconds(time.monotonic())
    paper = Paper()
    if json:
        paper.write(encode_snapshot(snapshot_of(looks), now).decode())
        return
    for line in aligned(snapshot_rows(looks, now)):
        paper.write(line)
