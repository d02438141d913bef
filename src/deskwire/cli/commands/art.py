"""`deskwire art`: a player's cover picture, into a file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deskwire.cli import exit_codes as exits
from deskwire.cli.connect import connected_desk, desk_option
from deskwire.cli.options import fail

if TYPE_CHECKING:
    from deskwire.client.sync import Desk
    from deskwire.model.readings import Player

PICTURE_WITHIN = 1.0


@click.command()
@click.argument("player", required=False)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    metavar="FILE",
    help="Write the picture here; - is standard output.",
)
@desk_option
def art(player: str | None, output: Path, host: str | None) -> None:
    """Fetch the cover picture of what a player plays.

    PLAYER is an id, or a name or a part of one; without it the one that plays is meant, or the only
    one there is.
    """
    from deskwire.cli.player_selection import select_player
    from deskwire.model.units import Bytes
    from deskwire.terminal.formatting import clean, format_size

    with connected_desk(host) as desk:
        chosen = with_picture(desk, select_player(desk.snapshot.players, player))
        found = desk.art(chosen)
    if found is None:
        fail(f"{chosen.id} {clean(chosen.name)} shows no picture", exits.FAILED)
    if str(output) == "-":
        sys.stdout.buffer.write(found.content)
        return
    try:
        output.write_bytes(found.content)
    except OSError as problem:
        fail(f"{output}: {problem.strerror}", exits.FAILED)
    print(f"{output}: {clean(found.media_type)}, {format_size(Bytes(len(found.content)))}")


def with_picture(desk: "Desk", player: "Player") -> "Player":
    """Return the player as soon as it shows a picture, or as it is after a second.

    The desk names a picture once it has read it, which may be after the first snapshot.
    """
    import time

    until = time.monotonic() + PICTURE_WITHIN
    for snapshot in desk:
        player = next((each for each in snapshot.players if each.id == player.id), player)
        if player.art is not None or time.monotonic() > until:
            break
    return player
