"""What covers are painted with on this terminal, and the sequences that do it.

A painted cover is part of the line its upper edge is in: whenever that line is painted, so is the
cover, and the other lines step over its cells. So what is on the screen follows from the lines,
as it does for text.
"""

from enum import Enum
from typing import NamedTuple

from msgspec import Struct

from deskwire.tui import kitty, sixel
from deskwire.tui.cover import ASPECT, Cover, indexed, png
from deskwire.tui.spans import Line, Tone, cells

VT340 = (10, 20)
"""The cell of the terminal that sixels come from, where nobody says."""


class GraphicsProtocol(Enum):
    """How covers are painted."""

    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    NONE = "none"


class TerminalGraphics(Struct, frozen=True):
    """What there is to paint with."""

    medium: GraphicsProtocol = GraphicsProtocol.BLOCKS
    cell: tuple[int, int] | None = None
    """How wide and how high a cell is, in pixels; `None` where the terminal does not say."""
    colours: int = 256
    """Of one picture in sixels."""

    @property
    def pixels(self) -> bool:
        """Whether pictures are painted past the cells."""
        return self.medium in {GraphicsProtocol.KITTY, GraphicsProtocol.SIXEL}

    @property
    def aspect(self) -> float:
        """How many times as high as wide a cell is."""
        return ASPECT if self.cell is None else self.cell[1] / self.cell[0]


class CoverArea(NamedTuple):
    """The cells that are left free for a cover."""

    top: int
    rows: int
    columns: int


class RenderedCover(NamedTuple):
    """The sequences for one cover in its place."""

    send: str
    """Once, before it is painted."""
    paint: str
    """At the upper left cell, as often as wanted; the cursor goes on behind the upper edge."""


def find_cover_area(lines: list[Line]) -> CoverArea | None:
    """Find where a drawn screen has left room for a cover."""
    found = [
        (at, cells(span.text))
        for at, line in enumerate(lines)
        for span in line
        if span.tone is Tone.COVER
    ]
    if not found:
        return None
    top, columns = found[0]
    return CoverArea(top, len(found), columns)


def painting(
    cover: Cover, canvas: TerminalGraphics, rows: int, columns: int, *, away: bool
) -> RenderedCover:
    """Return what paints a cover into so many cells. Takes its time: not for the event loop.

    `away`: in grey, as what was and is not.
    """
    if canvas.medium is GraphicsProtocol.KITTY:
        return RenderedCover(
            kitty.send(png(cover, grey=away)), _at(kitty.place(columns, rows), rows, columns)
        )
    wide, high = canvas.cell or VT340
    palette, pixels = indexed(
        cover, columns * wide, rows * high, min(max(canvas.colours, 2), 256), grey=away
    )
    picture = sixel.encode(columns * wide, rows * high, palette, pixels)
    return RenderedCover("", _at(picture, rows, columns))


def erasure(canvas: TerminalGraphics) -> str:
    """Return what takes away a cover that writing over its cells does not."""
    return kitty.forget() if canvas.medium is GraphicsProtocol.KITTY else ""


def step_over(columns: int) -> str:
    """Return what leaves cells as they are."""
    return f"\x1b[{columns}C"


def _at(picture: str, rows: int, columns: int) -> str:
    """Blank the cells, then paint; wherever a picture leaves the cursor, it goes on behind it."""
    blank = f"\x1b[{columns}X\x1b[B" * rows
    return f"\x1b7\x1b[0m{blank}\x1b8{picture}\x1b8{step_over(columns)}"
