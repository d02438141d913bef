"""Reader for picture files at untrusted paths.

The path comes from another program. Symbolic links are refused, and the file must be a regular file
of this user, of at most 8 MiB, that starts like a PNG, JPEG, WebP, GIF or AVIF and has at most 40
million pixels. SVG is refused because it can contain scripts.

Source: the PNG, JFIF, GIF89a, WebP and AVIF file formats; open(2) through
/proc/self/fd, which opens exactly the file that was checked.
"""

import hashlib
import os
import stat
import time

from msgspec import Struct

from deskwire.art.dimensions import MAX_PIXELS, dimensions
from deskwire.art.open_nofollow import open_handle
from deskwire.model.units import Bytes

LARGEST = Bytes(8 * 1024 * 1024)
CHUNK = 256 * 1024
TRIES = 3
PAUSE = 0.03
"""Pause between two attempts to read a file that is being written, in seconds."""
READING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Art(Struct, frozen=True):
    """A picture as it is served."""

    content: bytes
    media_type: str
    """Media type such as `image/png`."""
    etag: str
    """Hash of the content, without quotes."""


class NotAPicture(Exception):
    """The file is not an accepted picture; the message says why."""


def media_type(content: bytes) -> str | None:
    """Return the media type by the first bytes; `None` if it is not a picture."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        size = int.from_bytes(content[:4], "big")
        brands = content[8 : min(size, 256)]
        if {brands[at : at + 4] for at in (0, *range(8, len(brands), 4))} & {b"avif", b"avis"}:
            return "image/avif"
    return None


def make_art(content: bytes) -> Art:
    """Return a picture with these bytes; raises `NotAPicture`."""
    kind = media_type(content)
    if kind is None:
        raise NotAPicture("it does not start like a picture")
    if len(content) > LARGEST:
        raise NotAPicture("it is too large")
    size = dimensions(kind, content)
    if size is None:
        raise NotAPicture("its header has no valid dimensions")
    width, height = size
    if width * height > MAX_PIXELS:
        raise NotAPicture(f"it has {width} x {height} pixels, the limit is {MAX_PIXELS}")
    return Art(content, kind, hashlib.sha256(content).hexdigest()[:32])


def read_picture(path: bytes) -> Art:
    """Read the picture at this absolute path; blocks. Raises `NotAPicture` or `OSError`."""
    handle = open_handle(path)
    try:
        check(os.fstat(handle))
        file = os.open(b"/proc/self/fd/%d" % handle, READING)
    finally:
        os.close(handle)
    try:
        return make_art(read_whole(file))
    finally:
        os.close(file)


def check(found: os.stat_result) -> None:
    """Raise `NotAPicture` unless it is a regular file of our own, and not too large."""
    if not stat.S_ISREG(found.st_mode):
        raise NotAPicture("it is no regular file")
    if found.st_uid != os.geteuid():
        raise NotAPicture("the file belongs to another user")
    if found.st_size > LARGEST:
        raise NotAPicture("it is too large")


def read_whole(file: int) -> bytes:
    """Read a file that does not change meanwhile; raises `NotAPicture` if it changes."""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE)
        before = os.fstat(file)
        check(before)
        content = read_up_to(file, before.st_size)
        after = os.fstat(file)
        if len(content) == after.st_size > 0 and after.st_mtime_ns == before.st_mtime_ns:
            return content
    raise NotAPicture("it is empty, or is being written")


def read_up_to(file: int, size: int) -> bytes:
    """Read `size` bytes from the start, fewer if there are fewer."""
    content = bytearray()
    while len(content) < size:
        chunk = os.pread(file, min(CHUNK, size - len(content)), len(content))
        if not chunk:
            break
        content += chunk
    return bytes(content)
