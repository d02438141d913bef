"""A cover picture as half blocks: two pixels a cell, in any terminal that has colours.

The bytes are a stranger's, so only the formats a desk gives are tried, a picture that would unpack
to more than 40 million pixels is none, and what cannot be read is no picture, not an error.
"""

import io
import warnings
from functools import lru_cache

from msgspec import Struct
from PIL import Image, UnidentifiedImageError

from deskwire.cli.top.spans import Line, Rgb, Span

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
LARGEST = 40_000_000
SIDE = 96
"""Pixels of the longer side that are kept; no screen shows more."""
UPPER_HALF = "▀"


class Cover(Struct, frozen=True):
    """A small picture, rows of pixels from the top."""

    rows: tuple[tuple[Rgb, ...], ...]


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
    width, height = flat.size
    pixels = flat.convert("RGB").tobytes()
    triples = [(pixels[at], pixels[at + 1], pixels[at + 2]) for at in range(0, len(pixels), 3)]
    return Cover(tuple(tuple(triples[y * width : (y + 1) * width]) for y in range(height)))


def columns_of(cover: Cover, rows: int) -> int:
    """Return how many columns it takes in so many rows; at most twice a square's."""
    height, width = len(cover.rows), len(cover.rows[0])
    return max(2, min(round(2 * rows * width / height), 4 * rows))


@lru_cache(maxsize=16)
def half_blocks(cover: Cover, columns: int, rows: int) -> tuple[Line, ...]:
    """Return the picture in so many cells."""
    pixels = [
        [_mean(cover, x, columns, y, rows * 2) for x in range(columns)] for y in range(rows * 2)
    ]
    return tuple(
        tuple(
            Span(UPPER_HALF, front=top, back=bottom)
            for top, bottom in zip(pixels[y], pixels[y + 1], strict=True)
        )
        for y in range(0, rows * 2, 2)
    )


def _mean(cover: Cover, x: int, columns: int, y: int, rows: int) -> Rgb:
    """Return the mean colour of the part of the picture that one half cell stands for."""
    height, width = len(cover.rows), len(cover.rows[0])
    top, left = y * height // rows, x * width // columns
    bottom, right = (
        max((y + 1) * height // rows, top + 1),
        max((x + 1) * width // columns, left + 1),
    )
    part = [pixel for row in cover.rows[top:bottom] for pixel in row[left:right]]
    red, green, blue = (sum(channel) // len(part) for channel in zip(*part, strict=True))
    return red, green, blue
