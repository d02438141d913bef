"""`deskwire art`: a player's cover picture, into a file."""

import sys
from pathlib import Path

import click

from deskwire.cli import exits
from deskwire.cli.reach import desk_option, reached
from deskwire.cli.settled import stop


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
    from deskwire.cli.choose import choose
    from deskwire.cli.words import clean, size
    from deskwire.model.units import Bytes

    with reached(host) as desk:
        chosen = choose(desk.snapshot.players, player)
        found = desk.art(chosen)
    if found is None:
        stop(f"{chosen.id} {clean(chosen.name)} shows no picture", exits.FAILED)
    if str(output) == "-":
        sys.stdout.buffer.write(found.content)
        return
    try:
        output.write_bytes(found.content)
    except OSError as problem:
        stop(f"{output}: {problem.strerror}", exits.FAILED)
    print(f"{output}: {clean(found.media_type)}, {size(Bytes(len(found.content)))}")
