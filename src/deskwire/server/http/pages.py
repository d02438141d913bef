"""The web page: a few files, read once, in memory as they go over the wire.

The build lays them beside this module, flat: `index.html` and what it needs in `page/`, each also
compressed where that helps. A name with a hash of its content in it may be kept for ever; the rest
is asked for again and is then mostly a 304. No file is opened for a request.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from msgspec import Struct

from deskwire.server.http.problems import NotFound

FOLDER = Path(__file__).parent.parent / "page"
INDEX = "index.html"
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content codings in the order they are preferred, and what their files end with."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
)
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Not the machine's own table: what a type is called differs from one to the next."""
UNKNOWN = "application/octet-stream"
_HASHED = re.compile(r".+-[\w-]{8}\.\w+")


class File(Struct, frozen=True):
    """One file as it may be sent."""

    media_type: str
    cache: str
    bodies: Mapping[str, bytes]
    """By content coding; `identity` is always there."""
    tag: str
    """Of the content, whatever its coding."""


class Pages:
    """Answers with the page's files."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = files

    def answer(self, request: web.BaseRequest, name: str = INDEX) -> web.Response:
        """Answer with a file; raises `NotFound`."""
        file = self._files.get(name)
        if file is None:
            if name == INDEX:
                raise NotFound("this installation has no page; the rest of it works")
            raise NotFound("the page has no such file")
        coding = _coding(request.headers.get("Accept-Encoding", ""), file)
        tag = f'"{file.tag}-{coding}"'
        headers = {
            "ETag": tag,
            "Cache-Control": file.cache,
            "Vary": "Accept-Encoding",
            "Content-Security-Policy": POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        known = request.headers.get("If-None-Match", "").replace("W/", "")
        if tag in (each.strip() for each in known.split(",")):
            return web.Response(status=304, headers=headers)
        if coding != "identity":
            headers["Content-Encoding"] = coding
        headers["Content-Type"] = file.media_type
        return web.Response(body=file.bodies[coding], headers=headers)


def read_pages(folder: Path = FOLDER) -> Pages:
    """Read the built page; an installation without one has no files."""
    found = [folder / INDEX, *sorted((folder / "page").glob("*"))]
    return Pages(
        {
            path.name: _read(path)
            for path in found
            if path.is_file() and path.suffix not in ENCODINGS.values()
        }
    )


def _read(path: Path) -> File:
    bodies = {"identity": path.read_bytes()}
    for coding, suffix in ENCODINGS.items():
        compressed = path.with_name(path.name + suffix)
        if compressed.is_file():
            bodies[coding] = compressed.read_bytes()
    return File(
        media_type=TYPES.get(path.suffix, UNKNOWN),
        cache=FOR_EVER if _HASHED.fullmatch(path.name) else ASK_AGAIN,
        bodies=bodies,
        tag=hashlib.sha256(bodies["identity"]).hexdigest()[:32],
    )


def _coding(accepted: str, file: File) -> str:
    """Choose a content coding, RFC 9110 section 12.5.3; a weight of 0 refuses one."""
    wanted = {}
    for each in accepted.lower().split(","):
        name, _, weight = each.partition(";")
        wanted[name.strip()] = not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    for coding in ENCODINGS:
        if coding in file.bodies and wanted.get(coding, wanted.get("*", False)):
            return coding
    return "identity"
