"""Parser for `mpris:artUrl`.

The specification wants a URI; players write `file:` addresses with and without their escapes,
plain paths, whole pictures (`data:`, RFC 2397) and addresses on the web.
"""

import base64
import binascii
import posixpath
import re
from urllib.parse import unquote_to_bytes, urlsplit

from msgspec import Struct

from deskwire.art.picture import LARGEST

LONGEST_ADDRESS = 16384
LONGEST_PATH = 4095
"""Longest path in bytes: PATH_MAX without its NUL."""
LONGEST_INLINE = LARGEST * 3 // 2
"""Longest `data:` address in characters; base64 needs four characters for three bytes."""

_STANDARD = bytes.maketrans(b"-_", b"+/")
_NO_DIGIT = re.compile(rb"[^A-Za-z0-9+/]+")


class Local(Struct, frozen=True):
    """A picture in a file."""

    path: str
    """Absolute path without `.`, `..` and double slashes.

    Bytes that are not UTF-8 are surrogates.
    """

    @property
    def raw(self) -> bytes:
        """Path as bytes, as system calls need it."""
        return self.path.encode("utf-8", "surrogateescape")


class Inline(Struct, frozen=True):
    """A picture inside the address, not decoded yet."""

    address: str

    def content(self) -> bytes:
        """Decode the picture; return `b""` if that fails.

        Players leave out the padding of base64, use its URL-safe alphabet, and wrap its lines.
        """
        head, _, body = self.address.partition(",")
        raw = unquote_to_bytes(body)
        parameters = [each.strip().lower() for each in head.split(";")[1:]]
        if "base64" not in parameters:
            return raw
        digits = _NO_DIGIT.sub(b"", raw.translate(_STANDARD))
        try:
            return base64.b64decode(digits + b"=" * (-len(digits) % 4))
        except binascii.Error:
            return b""


class Remote(Struct, frozen=True):
    """A picture on the web."""

    url: str


def parse_address(address: str) -> Local | Inline | Remote | None:
    """Parse an art address; `None` if it is not supported."""
    address = address.strip()
    scheme = address[:8].partition(":")[0].lower()
    if scheme == "data":
        return Inline(address) if len(address) <= LONGEST_INLINE else None
    if len(address) > LONGEST_ADDRESS:
        return None
    if address.startswith("/"):
        return parse_path(address.encode("utf-8", "surrogateescape"))
    if scheme == "file":
        return parse_file(address[5:])
    if scheme in {"http", "https"}:
        return parse_remote(address)
    return None


def parse_file(rest: str) -> Local | None:
    """Parse the part after `file:`.

    `#` and `?` belong to the name, because players do not escape them.
    """
    if rest.startswith("//"):
        host, slash, rest = rest[2:].partition("/")
        if host.lower() not in {"", "localhost"}:
            return None
        rest = slash + rest
    return parse_path(unquote_to_bytes(rest.encode("utf-8", "surrogateescape")))


def parse_path(path: bytes) -> Local | None:
    """Parse an absolute path."""
    if not path.startswith(b"/") or b"\0" in path or len(path) > LONGEST_PATH:
        return None
    normal = b"/" + posixpath.normpath(path).lstrip(b"/")
    return Local(normal.decode("utf-8", "surrogateescape"))


def parse_remote(url: str) -> Remote | None:
    """Parse a web address; one with a user name is refused."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return (
        Remote(url)
        if usable and "@" not in parts.netloc and url.isascii() and url.isprintable()
        else None
    )
