"""Generated covers for pictures that have no file: a gradient between two colours."""

import hashlib
import io

from PIL import Image

from deskwire.model.readings import ArtKey

SIDE = 160
"""Width and height in pixels."""


def generated_cover(key: ArtKey) -> bytes:
    """Return a PNG whose colours depend only on `key`."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
    top = Image.new("RGB", (SIDE, SIDE), tuple(digest[:3]))
    bottom = Image.new("RGB", (SIDE, SIDE), tuple(digest[3:6]))
    mask = Image.linear_gradient("L").resize((SIDE, SIDE))
    written = io.BytesIO()
    Image.composite(bottom, top, mask).save(written, "PNG", optimize=True)
    return written.getvalue()
