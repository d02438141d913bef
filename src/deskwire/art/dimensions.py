"""Dimensions of pictures, read from their headers without decoding.

A few kilobytes of PNG decode to gigabytes in a browser. So the desk serves no picture with more
than `MAX_PIXELS`, and none whose dimensions it cannot read. Decoders of several megabytes would
answer the same question, so that this module reads the headers itself.

Sources: the PNG, GIF89a, WebP and AVIF (ISO/IEC 23008-12) file formats; JPEG, ITU-T T.81 annex B.
"""

import re
from collections.abc import Callable, Iterator

MAX_PIXELS = 40_000_000
MAX_STEPS = 40_000
"""Segments or blocks to look at; a picture of 8 MiB with comments of full length has fewer."""

Size = tuple[int, int]
"""Width and height in pixels."""

_JPEG_MARKER = re.compile(rb"\xff([^\xff\x00])", re.DOTALL)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_END = frozenset({0xD9, 0xDA})


def dimensions(media_type: str, content: bytes) -> Size | None:
    """Return the largest dimensions that a decoder may use; `None` if there are none."""
    found = _READERS[media_type](content)
    return found if found is not None and min(found) > 0 else None


def png_size(content: bytes) -> Size | None:
    """Return the size in the first chunk, IHDR."""
    if content[12:16] != b"IHDR" or len(content) < 24:
        return None
    return _big(content, 16, 4), _big(content, 20, 4)


def jpeg_size(content: bytes) -> Size | None:
    """Return the size in the first frame header."""
    position = 2
    for _ in range(MAX_STEPS):
        marker = _JPEG_MARKER.search(content, position)
        if marker is None or marker[1][0] in _JPEG_END:
            return None
        position = marker.end()
        if marker[1][0] in _JPEG_FRAMES:
            if position + 7 > len(content):
                return None
            return _big(content, position + 5, 2), _big(content, position + 3, 2)
        if marker[1][0] not in _JPEG_WITHOUT_LENGTH:
            position += _big(content, position, 2)
    return None


def gif_size(content: bytes) -> Size | None:
    """Return the size of the screen, or of a larger first picture, as browsers do."""
    if len(content) < 13:
        return None
    flags, position = content[10], 13
    if flags & 0x80:  # a color table
        position += 3 << (flags & 7) + 1
    for _ in range(MAX_STEPS):
        match content[position : position + 1]:
            case b"\x21":  # an extension, which is its label and blocks
                position += 2
            case b"\x2c" if position + 9 <= len(content):
                left, top, width, height = (
                    _little(content, position + at, 2) for at in (1, 3, 5, 7)
                )
                screen = _little(content, 6, 2), _little(content, 8, 2)
                return max(screen[0], left + width), max(screen[1], top + height)
            case _:
                return None
        while length := content[position : position + 1]:
            position += 1 + length[0]
            if not length[0]:
                break
    return None


def webp_size(content: bytes) -> Size | None:
    """Return the size in the first chunk; the others must have the same."""
    if len(content) < 30:
        return None
    match content[12:16]:
        case b"VP8X":
            return 1 + _little(content, 24, 3), 1 + _little(content, 27, 3)
        case b"VP8L":
            packed = _little(content, 21, 4)
            return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
        case b"VP8 ":
            return _little(content, 26, 2) & 0x3FFF, _little(content, 28, 2) & 0x3FFF
    return None


def avif_size(content: bytes) -> Size | None:
    """Return the largest width and height of all pictures and tracks."""
    sizes: list[Size] = []
    for name, box in _boxes(content):
        if name == b"meta":  # each size has version, flags, width, height
            places = _places(box, b"ispe")
            sizes += [(_big(box, at + 8, 4), _big(box, at + 12, 4)) for at in places]
        elif name == b"moov":  # each sample entry has 24 bytes, width, height
            places = _places(box, b"av01")
            sizes += [(_big(box, at + 28, 2), _big(box, at + 30, 2)) for at in places]
    if not sizes:
        return None
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Return the name and content of each box at the top level."""
    position = 0
    for _ in range(MAX_STEPS):
        size, header = _big(content, position, 4), 8
        if size == 1:
            size, header = _big(content, position + 8, 8), 16
        end = position + size if size else len(content)
        if end < position + header or position >= len(content):
            return
        yield content[position + 4 : position + 8], content[position + header : end]
        position = end


def _places(box: bytes, name: bytes) -> Iterator[int]:
    return (found.start() for found in re.finditer(re.escape(name), box))


def _big(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "big")


def _little(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "little")


_READERS: dict[str, Callable[[bytes], Size | None]] = {
    "image/png": png_size,
    "image/jpeg": jpeg_size,
    "image/gif": gif_size,
    "image/webp": webp_size,
    "image/avif": avif_size,
}
