"""A cover picture: read once, then given in the size and form that a terminal wants.

The bytes are a stranger's, so only the formats a desk gives are tried, a picture that would unpack
to more than 40 million pixels is none, and what cannot be read is no picture, not an error.
Half blocks are two pixels a cell, in any terminal that has colours. The only file that knows
Pillow.
"""

import io
import warnings
from functools import lru_cache

from msgspec import Struct
from PIL import Image, UnidentifiedImageError

from deskwire.tui.spans import Line, Rgb, Span

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
LARGEST = 40_000_000
SIDE = 480
"""Pixels of the longer side that are kept: 16 lines of cells that are 30 pixels high."""
UPPER_HALF = "▀"
ASPECT = 2.0
"""How many times as high as wide a cell is, where nobody says."""


class Cover(Struct, frozen=True, eq=False):
    """A picture of at most `SIDE` pixels a side; one is like no other."""

    width: int
    height: int
    pixels: bytes
    """Red, green and blue, row by row from the top."""

    def __repr__(self) -> str:
        return f"Cover({self.width} by {self.height})"


def parse_cover(content: bytes) -> Cover | None:
    """Return the picture, `None` for what is none. Takes its time: not for the event loop."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > LARGEST:
                    return None
                image.draft("RGB", (2 * SIDE, 2 * SIDE))
                small = image.convert("RGBA")
        small.thumbnail((SIDE, SIDE))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    flat = Image.new("RGBA", small.size, "black")
    flat.alpha_composite(small)
    return Cover(*flat.size, flat.convert("RGB").tobytes())


def columns_of(cover: Cover, rows: int, aspect: float = ASPECT) -> int:
    """Return how many columns it takes in so many rows; at most twice a square's.

    `aspect`: how many times as high as wide a cell is.
    """
    square = aspect * rows
    return max(2, min(round(square * cover.width / cover.height), round(2 * square)))


@lru_cache(maxsize=16)
def half_blocks(cover: Cover, columns: int, rows: int) -> tuple[Line, ...]:
    """Return the picture in so many cells."""
    small = _image(cover).resize((columns, 2 * rows), Image.Resampling.BOX).tobytes()
    pixels: list[Rgb] = [
        (small[at], small[at + 1], small[at + 2]) for at in range(0, len(small), 3)
    ]
    return tuple(
        tuple(
            Span(UPPER_HALF, front=top, back=bottom)
            for top, bottom in zip(
                pixels[at : at + columns], pixels[at + columns : at + 2 * columns], strict=True
            )
        )
        for at in range(0, len(pixels), 2 * columns)
    )


def png(cover: Cover, *, grey: bool) -> bytes:
    """Return the picture as a PNG; `grey`: as one that is away."""
    out = io.BytesIO()
    _image(cover, grey=grey).save(out, "PNG")
    return out.getvalue()


def indexed(
    cover: Cover, width: int, height: int, colours: int, *, grey: bool
) -> tuple[bytes, bytes]:
    """Return the picture in so many pixels and colours: RGB triples, and an index for each pixel.

    `colours`: 2 to 256.
    """
    scaled = _image(cover, grey=grey).resize((width, height), Image.Resampling.LANCZOS)
    few = scaled.quantize(colours)
    return bytes(few.getpalette() or b""), few.tobytes()


def _image(cover: Cover, *, grey: bool = False) -> Image.Image:
    image = Image.frombytes("RGB", (cover.width, cover.height), cover.pixels)
    if grey:
        return image.convert("L").point([each // 2 for each in range(256)]).convert("RGB")
    return image
