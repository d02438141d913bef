"""A picture for a path that has none: two colours of its own, running into each other.

Source: PNG (ISO/IEC 15948), truecolour, no filter.
"""

import hashlib
import struct
import zlib

from deskwire.model.readings import ArtKey

SIDE = 160


def made_up(key: ArtKey) -> bytes:
    """Return a PNG; the same for the same path, another for another."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
    one, other = digest[:3], digest[3:6]
    rows = b"".join(b"\0" + blend(one, other, row / (SIDE - 1)) * SIDE for row in range(SIDE))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", zlib.compress(rows, 9)),
            chunk(b"IEND", b""),
        )
    )


def blend(one: bytes, other: bytes, share: float) -> bytes:
    """Mix two colours."""
    return bytes(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


def chunk(kind: bytes, content: bytes) -> bytes:
    """Wrap a part of a PNG."""
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
