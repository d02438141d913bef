"""Cacheable content: the web page's files and the players' album art.

The build puts the page beside the server package: `index.html`, and its files in `page/`, each with
compressed copies where they are smaller. All of them are read at the start. A file whose name holds
a hash of its content may be cached forever; browsers revalidate the others, mostly with a 304. No
request opens a file: the path of a picture is only a key into the pictures in memory.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import Payload, web
from aiohttp.abc import AbstractStreamWriter
from msgspec import Struct

from deskwire.art.artwork import Art
from deskwire.protocol.base.stats import art_key
from deskwire.server.http.problems import NotFound

FOLDER = Path(__file__).parent.parent / "page"
INDEX = "index.html"
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content codings, the preferred one first, and the suffixes of their files."""
PAGE_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
)
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""By suffix. The system's own table differs from machine to machine."""
UNKNOWN_TYPE = "application/octet-stream"
CHUNK = 16 * 1024
_HASHED_NAME = re.compile(r".+-[\w-]{8}\.\w+")

FindArt = Callable[[str], Art | None]


class File(Struct, frozen=True):
    """One file of the page, as the server sends it."""

    media_type: str
    cache_control: str
    bodies: Mapping[str, bytes]
    """By content coding; `identity` is always present."""
    digest: str
    """Of the uncompressed content."""


class Pages:
    """Answers requests for the page's files."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = files

    def response(self, request: web.BaseRequest, name: str = INDEX) -> web.Response:
        """Return the response with a file; raises `NotFound`."""
        file = self._files.get(name)
        if file is None:
            if name == INDEX:
                raise NotFound("the web page is not installed; the API works without it")
            raise NotFound("the web page has no such file")
        coding = _coding(request.headers.get("Accept-Encoding", ""), file)
        etag = f'"{file.digest}-{coding}"'
        headers = {
            "ETag": etag,
            "Cache-Control": file.cache_control,
            "Vary": "Accept-Encoding",
            "Content-Security-Policy": PAGE_SECURITY_POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if etag in _known_etags(request):
            return web.Response(status=304, headers=headers)
        if coding != "identity":
            headers["Content-Encoding"] = coding
        headers["Content-Type"] = file.media_type
        return web.Response(body=file.bodies[coding], headers=headers)


def read_pages(folder: Path = FOLDER) -> Pages:
    """Read the built page; without one, return no files."""
    found = [folder / INDEX, *sorted((folder / "page").glob("*"))]
    return Pages(
        {
            path.name: _read(path)
            for path in found
            if path.is_file() and path.suffix not in ENCODINGS.values()
        }
    )


def art_response(request: web.BaseRequest, encoded: str, find: FindArt) -> web.Response:
    """Return the response with a picture; raises `NotFound` for everything else."""
    key = art_key(encoded)
    art = None if key is None else find(key)
    if art is None:
        raise NotFound("no such picture; ask the desk for the player's current art URL")
    headers = {
        "ETag": f'"{art.etag}"',
        "Cache-Control": "private, max-age=0, must-revalidate",
        "Content-Disposition": "inline",
    }
    if _known_etags(request) & {"*", headers["ETag"]}:
        return web.Response(status=304, headers=headers)
    return web.Response(body=ChunkedPicture(art), headers=headers)


class ChunkedPicture(Payload):
    """Picture written in chunks, so that little of it is buffered for a slow client."""

    _value: bytes

    def __init__(self, art: Art) -> None:
        super().__init__(art.content, content_type=art.media_type)
        self._size = len(art.content)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the chunks, each when the client has read enough of the ones before."""
        for start in range(0, len(self._value), CHUNK):
            await writer.write(self._value[start : start + CHUNK])

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the content as text, for aiohttp's interface."""
        return self._value.decode(encoding, errors)


def _read(path: Path) -> File:
    bodies = {"identity": path.read_bytes()}
    for coding, suffix in ENCODINGS.items():
        compressed = path.with_name(path.name + suffix)
        if compressed.is_file():
            bodies[coding] = compressed.read_bytes()
    return File(
        media_type=MEDIA_TYPES.get(path.suffix, UNKNOWN_TYPE),
        cache_control=IMMUTABLE if _HASHED_NAME.fullmatch(path.name) else REVALIDATE,
        bodies=bodies,
        digest=hashlib.sha256(bodies["identity"]).hexdigest()[:32],
    )


def _coding(accepted: str, file: File) -> str:
    """Return the content coding to use, RFC 9110 section 12.5.3; a weight of 0 forbids one."""
    allowed = {}
    for each in accepted.lower().split(","):
        name, _, weight = each.partition(";")
        allowed[name.strip()] = not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    for coding in ENCODINGS:
        if coding in file.bodies and allowed.get(coding, allowed.get("*", False)):
            return coding
    return "identity"


def _known_etags(request: web.BaseRequest) -> set[str]:
    """Return the client's entity tags, for the weak comparison of RFC 9110 section 13.1.2."""
    tags = request.headers.get("If-None-Match", "").split(",")
    return {tag.strip().removeprefix("W/") for tag in tags}
