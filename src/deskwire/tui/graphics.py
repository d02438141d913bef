"""Escape sequences for a cover picture: kitty's graphics protocol and sixels.

A picture belongs to the line of its upper edge. Drawing that line also draws the picture, and the
other lines move the cursor over its cells. The display therefore follows from the lines alone, as
it does for text.

Sources: https://sw.kovidgoyal.net/kitty/graphics-protocol/ (also of Ghostty, WezTerm and Konsole)
and the VT330/VT340 Programmer Reference Manual, chapter 14.
"""

import base64
import re
from enum import Enum
from typing import NamedTuple

from msgspec import Struct

from deskwire.tui.cover import DEFAULT_ASPECT, Cover, indexed, png
from deskwire.tui.spans import Line, Tone, cells

KITTY_ID = 0x6465736B
"""Id of the only picture of this program on a terminal."""
KITTY_CHUNK = 4096
"""Maximum bytes of base64 in one sequence."""
VT340_CELL = (10, 20)
"""Cell of the first terminal with sixels, for a terminal that does not tell its own."""
SIXEL_ROWS = 6
"""Rows of pixels in a band of sixels."""
SIXELS = bytes((63 + each) & 0xFF for each in range(256))
"""Table from the bits of a column to its printable character."""
SIXEL_RUN = re.compile(rb"(.)\1{3,}")


class GraphicsProtocol(Enum):
    """Form of cover pictures."""

    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    NONE = "none"


class TerminalGraphics(Struct, frozen=True):
    """Graphics of this terminal."""

    protocol: GraphicsProtocol = GraphicsProtocol.BLOCKS
    cell: tuple[int, int] | None = None
    """Width and height of a cell in pixels, `None` if unknown."""
    colours: int = 256
    """Maximum number of colours of a sixel picture."""

    @property
    def has_pictures(self) -> bool:
        """Whether covers are pictures instead of text."""
        return self.protocol in {GraphicsProtocol.KITTY, GraphicsProtocol.SIXEL}

    @property
    def aspect(self) -> float:
        """Height of a cell divided by its width."""
        return DEFAULT_ASPECT if self.cell is None else self.cell[1] / self.cell[0]


class CoverArea(NamedTuple):
    """Cells that a drawn display leaves free for a cover."""

    top: int
    rows: int
    columns: int


class RenderedCover(NamedTuple):
    """Escape sequences for a cover of one size."""

    setup: str
    """Written once, before the picture is drawn."""
    draw: str
    """Written at the upper left cell, as often as needed. The cursor ends beside it."""


def find_cover_area(lines: list[Line]) -> CoverArea | None:
    """Return the cells left free for a cover, if there are any."""
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


def render_cover(
    cover: Cover, graphics: TerminalGraphics, rows: int, columns: int, *, grey: bool
) -> RenderedCover:
    """Return the sequences for a cover in so many cells. Too slow for the event loop."""
    if graphics.protocol is GraphicsProtocol.KITTY:
        picture = kitty_place(columns, rows)
        return RenderedCover(kitty_send(png(cover, grey=grey)), _draw_over(picture, rows, columns))
    cell_width, cell_height = graphics.cell or VT340_CELL
    width, height = columns * cell_width, rows * cell_height
    palette, pixels = indexed(cover, width, height, min(max(graphics.colours, 2), 256), grey=grey)
    return RenderedCover("", _draw_over(sixels(width, height, palette, pixels), rows, columns))


def erase_sequence(graphics: TerminalGraphics) -> str:
    """Return the sequence that removes a picture which text over its cells does not remove."""
    return kitty_delete() if graphics.protocol is GraphicsProtocol.KITTY else ""


def skip_cells(columns: int) -> str:
    """Return the sequence that moves the cursor over cells without changing them."""
    return f"\x1b[{columns}C"


def _draw_over(picture: str, rows: int, columns: int) -> str:
    """Blank the cells, draw the picture, and put the cursor right of its upper edge."""
    blank = f"\x1b[{columns}X\x1b[B" * rows
    return f"\x1b7\x1b[0m{blank}\x1b8{picture}\x1b8{skip_cells(columns)}"


def kitty_query() -> str:
    """Return the query for kitty's protocol. A terminal that has it answers `OK` with the id."""
    return f"\x1b_Gi={KITTY_ID},s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"


def kitty_send(content: bytes) -> str:
    """Return the sequence that sends a PNG and replaces the previous one.

    `q=2` suppresses the answer of the terminal, which would arrive as typed keys.
    """
    text = base64.b64encode(content).decode("ascii")
    chunks = [text[at : at + KITTY_CHUNK] for at in range(0, len(text), KITTY_CHUNK)] or [""]
    last = len(chunks) - 1
    return kitty_delete() + "".join(
        f"\x1b_G{'' if at else f'a=t,i={KITTY_ID},f=100,'}q=2,m={int(at < last)};{chunk}\x1b\\"
        for at, chunk in enumerate(chunks)
    )


def kitty_place(columns: int, rows: int) -> str:
    """Return the sequence that shows the picture at the cursor only. The cursor stays."""
    return (
        f"\x1b_Ga=d,d=i,i={KITTY_ID},q=2\x1b\\"
        f"\x1b_Ga=p,i={KITTY_ID},p=1,c={columns},r={rows},C=1,q=2\x1b\\"
    )


def kitty_delete() -> str:
    """Return the sequence that removes the picture and frees its memory in the terminal."""
    return f"\x1b_Ga=d,d=I,i={KITTY_ID},q=2\x1b\\"


def sixels(width: int, height: int, palette: bytes, pixels: bytes) -> str:
    """Return a picture as sixels: bands of six rows, in which the colours are drawn in turn.

    `palette` holds RGB triples, `pixels` an index of it for each pixel, row by row. Every pixel is
    set, so that nothing shows through.
    """
    parts = [f'\x1bP0;1;0q"1;1;{width};{height}'.encode()]
    parts += [
        b"#%d;2;%d;%d;%d"
        % (each, *(round(part * 100 / 255) for part in palette[3 * each : 3 * each + 3]))
        for each in sorted(set(pixels))
    ]
    for top in range(0, height, SIXEL_ROWS):
        bottom = min(top + SIXEL_ROWS, height)
        rows = [pixels[y * width : (y + 1) * width] for y in range(top, bottom)]
        parts.append(b"$".join(_sixel_colour(each, rows) for each in sorted(set(b"".join(rows)))))
        parts.append(b"-")
    return b"".join([*parts[:-1], b"\x1b\\"]).decode("ascii")


def _sixel_colour(colour: int, rows: list[bytes]) -> bytes:
    """Return one colour of a band: a character for each column, with bit 0 for the first row."""
    is_colour = bytearray(256)
    is_colour[colour] = 1
    bits = 0
    for bit, row in enumerate(rows):
        bits |= int.from_bytes(row.translate(is_colour)) << bit
    text = bits.to_bytes(len(rows[0])).translate(SIXELS).rstrip(b"?")
    return b"#%d" % colour + SIXEL_RUN.sub(lambda run: b"!%d%s" % (len(run[0]), run[1]), text)
