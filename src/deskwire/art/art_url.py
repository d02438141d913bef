"""What a player may write as `mpris:artUrl`, taken apart: pure.

The specification wants a URI; players write `file:` addresses with and without their escapes,
plain paths, whole pictures (`data:`, RFC 2397) and addresses on the web.
"""

import base64
import binascii
import posixpath
from urllib.parse import unquote_to_bytes, urlsplit

from msgspec import Struct

from deskwire.art.picture import LARGEST

LONGEST_ADDRESS = 16384
LONGEST_PATH = 4095
"""Bytes, PATH_MAX without its NUL."""
LONGEST_INLINE = LARGEST * 3 // 2
"""Characters; base64 takes four for three bytes."""


class Local(Struct, frozen=True):
    """A picture in a file."""

    path: str
    """Absolute, without `.`, `..` and doubled slashes; bytes that are no UTF-8 as surrogates."""

    @property
    def raw(self) -> bytes:
        """The path as the kernel takes it."""
        return self.path.encode("utf-8", "surrogateescape")


class Inline(Struct, frozen=True):
    """A picture in the address itself; not decoded yet."""

    address: str

    def content(self) -> bytes:
        """Decode it; what cannot be decoded is empty."""
        head, _, body = self.address.partition(",")
        raw = unquote_to_bytes(body)
        if not head.lower().endswith(";base64"):
            return raw
        try:
            return base64.b64decode(raw)
        except binascii.Error:
            return b""


class Remote(Struct, frozen=True):
    """A picture on the web."""

    url: str


def parse_address(address: str) -> Local | Inline | Remote | None:
    """Say what an art address names; `None` for nothing we would read."""
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
    """Read what follows `file:`; `#` and `?` are characters of the name, as players mean them."""
    if rest.startswith("//"):
        host, slash, rest = rest[2:].partition("/")
        if host.lower() not in {"", "localhost"}:
            return None
        rest = slash + rest
    return parse_path(unquote_to_bytes(rest.encode("utf-8", "surrogateescape")))


def parse_path(path: bytes) -> Local | None:
    """Read an absolute path."""
    if not path.startswith(b"/") or b"\0" in path or len(path) > LONGEST_PATH:
        return None
    normal = b"/" + posixpath.normpath(path).lstrip(b"/")
    return Local(normal.decode("utf-8", "surrogateescape"))


def parse_remote(url: str) -> Remote | None:
    """Read an address on the web; one with a user name in it is not for us."""
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
