"""Where a picture is fetched: its path in base64url, RFC 4648 section 5; never a file's address."""

import base64
import binascii

from deskwire.model.readings import ArtKey

ART_PATH = "/v1/img/tmp/"


def art_url(key: ArtKey) -> str:
    """Name a kept picture: its path in padded base64url."""
    raw = key.encode("utf-8", "surrogateescape")
    return ART_PATH + base64.urlsafe_b64encode(raw).decode("ascii")


def art_key(encoded: str) -> ArtKey | None:
    """Read the last part of an art URL, padded or bare; `None` for anything but one spelling."""
    bare = encoded.rstrip("=")
    padded = bare + "=" * (-len(bare) % 4)
    if encoded not in (bare, padded):
        return None
    try:
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if base64.urlsafe_b64encode(raw).decode("ascii") != padded:
        return None
    return ArtKey(raw.decode("utf-8", "surrogateescape"))
