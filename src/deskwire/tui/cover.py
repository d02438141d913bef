"""Cover pictures: decoded once, then scaled for a terminal. No other module of `top` uses Pillow.

The bytes are untrusted. Only the formats that a desk sends are tried, a picture with more than 40
million pixels is rejected, and unreadable bytes are no picture instead of an error. Half blocks,
two pixels in each cell, work in any terminal that has colours.
"""

import io
import warnings
from functools import lru_cache

from msgspec import Struct
from PIL import Image, UnidentifiedImageError

from deskwire.art.dimensions import MAX_PIXELS
from deskwire.tui.spans import Line, Rgb, Span

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
SIDE = 480
"""Maximum side in pixels. It is enough for 16 lines of cells that are 30 pixels high."""
UPPER_HALF = "▀"
DEFAULT_ASPECT = 2.0
"""Height of a cell divided by its width, if the terminal does not tell."""


class Cover(Struct, frozen=True, eq=False):
    """Decoded picture of at most `SIDE` pixels a side, compared by identity."""

    width: int
    height: int
    pixels: bytes
    """Red, green and blue of each pixel, row by row from the top."""

    def __repr__(self) -> str:
        return f"Cover({self.width} by {self.height})"


def parse_cover(content: bytes) -> Cover | None:
    """Decode a picture, or return `None`. Too slow for the event loop."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    return None
                image.draft("RGB", (2 * SIDE, 2 * SIDE))
                small = image.convert("RGBA")
        small.thumbnail((SIDE, SIDE))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    flat = Image.new("RGBA", small.size, "black")
    flat.alpha_composite(small)
    return Cover(*flat.size, flat.convert("RGB").tobytes())


def columns_of(cover: Cover, rows: int, aspect: float = DEFAULT_ASPECT) -> int:
    """Return the columns of a cover with so many rows, at most twice those of a square.

    `aspect` is the height of a cell divided by its width.
    """
    square = aspect * rows
    return max(2, min(round(square * cover.width / cover.height), round(2 * square)))


@lru_cache(maxsize=16)
def half_blocks(cover: Cover, columns: int, rows: int) -> tuple[Line, ...]:
    """Return the picture as lines of half blocks."""
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
    """Return the picture as a PNG, dark grey if `grey`."""
    out = io.BytesIO()
    _image(cover, grey=grey).save(out, "PNG")
    return out.getvalue()


def indexed(
    cover: Cover, width: int, height: int, colours: int, *, grey: bool
) -> tuple[bytes, bytes]:
    """Scale the picture to a palette of 2 to 256 colours.

    Returns the palette as RGB triples, and an index for each pixel.
    """
    scaled = _image(cover, grey=grey).resize((width, height), Image.Resampling.LANCZOS)
    quantized = scaled.quantize(colours)
    return bytes(quantized.getpalette() or b""), quantized.tobytes()


def _image(cover: Cover, *, grey: bool = False) -> Image.Image:
    image = Image.frombytes("RGB", (cover.width, cover.height), cover.pixels)
    if grey:
        return image.convert("L").point([each // 2 for each in range(256)]).convert("RGB")
    return image
