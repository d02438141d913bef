"""Album art over HTTP: the path in the URL is a key into what is kept; no file is opened here."""

from collections.abc import Callable

from aiohttp import Payload, web
from aiohttp.abc import AbstractStreamWriter

from deskwire.art.artwork import Art
from deskwire.protocol.base.art_urls import art_key
from deskwire.server.http.problems import NotFound

Find = Callable[[str], Art | None]

PIECE = 16 * 1024


class Picture(Payload):
    """A picture on its way, piece by piece: for a peer that takes none, a few of them are held."""

    _value: bytes

    def __init__(self, art: Art) -> None:
        super().__init__(art.content, content_type=art.media_type)
        self._size = len(art.content)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write it, waiting for the peer."""
        for at in range(0, len(self._value), PIECE):
            await writer.write(self._value[at : at + PIECE])

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Aiohttp's, for what is text."""
        return self._value.decode(encoding, errors)


def art_answer(request: web.BaseRequest, encoded: str, find: Find) -> web.Response:
    """Answer with a kept picture; anything else, whatever exists on disk, is the same 404."""
    key = art_key(encoded)
    art = None if key is None else find(key)
    if art is None:
        raise NotFound("no such picture")
    headers = {
        "ETag": f'"{art.etag}"',
        "Cache-Control": "private, max-age=0, must-revalidate",
        "Content-Disposition": "inline",
    }
    if _matches(request.headers.get("If-None-Match", ""), art.etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=Picture(art), headers=headers)


def _matches(if_none_match: str, etag: str) -> bool:
    """Compare weakly, RFC 9110 section 13.1.2."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or f'"{etag}"' in tags
