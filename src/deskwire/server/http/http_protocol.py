"""One TCP connection, as aiohttp's protocol with our bounds and our words.

aiohttp waits an hour for a request that is never finished, for ever for a peer that does not read
its answer, and answers what it cannot parse in its own words; here all three are ours.
"""

import asyncio
import logging

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod, HttpProcessingError

from deskwire.server.http.problems import BadRequest, InternalError, UnknownMethod, answer

IDLE = 10.0
"""Seconds a connection may wait between requests, or take to finish a request's head."""
TAKEN_WITHIN = 15.0
"""Seconds in which a peer takes what is written ahead of it: 48 KiB (`stream.MOST_UNSENT`)."""
LINGER = 1.0
LARGEST_BODY = 16 * 1024

log = logging.getLogger("deskwire.http")


class HttpProtocol(web.RequestHandler):
    """What speaks HTTP on one connection until it becomes a WebSocket, or ends."""

    __slots__ = ("_heard_all", "_taken_by")

    def __init__(self, manager: web.Server, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=IDLE,
            lingering_time=LINGER,
            auto_decompress=False,  # nothing here is taken packed, so nothing is unpacked
            access_log=None,  # type: ignore[arg-type]  # it takes None and is then silent
        )
        self._heard_all = False
        self._taken_by: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Told by the transport: the peer has much to take; it has a bounded time to."""
        super().pause_writing()
        if self._taken_by is None and self.transport is not None:
            self._taken_by = self._loop.call_later(TAKEN_WITHIN, self.transport.abort)

    def resume_writing(self) -> None:
        """Told by the transport: it has taken most of it."""
        super().resume_writing()
        self._wait_no_more()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Told by the transport: the connection is gone."""
        self._wait_no_more()
        super().connection_lost(exc)

    def detach(self) -> bytes:
        """Have no part in the connection any more; return what came after the last request."""
        rest = _Rest()
        self.set_parser(rest)  # type: ignore[arg-type]  # this is how aiohttp hands on what it kept
        self.transport = None
        self.connection_lost(None)
        return bytes(rest)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's, which aiohttp narrows
        """Told by the transport: true keeps it until what was asked is answered.

        A peer may say that nothing follows and still read, as `nc -N` does.
        """
        asked = self._request_count and (self._messages or self._waiter is None)
        parser = self._parser
        if not asked or parser is None:
            return False
        try:
            parser.feed_eof()
        except HttpProcessingError:  # nor will it be finished
            return False
        self._heard_all = True
        return True

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write an answer; the last one to a peer that says no more ends the connection."""
        finished = await super().finish_response(request, resp, start_time)
        if self._heard_all and not self._messages:
            self.close()
        return finished

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - aiohttp's signature
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's signature
    ) -> web.StreamResponse:
        """Answer what could not be parsed (4xx), or what only a bug can bring here (5xx)."""
        if isinstance(exc, BadHttpMethod):
            response = answer(UnknownMethod())
        elif status < 500:
            response = answer(BadRequest("this is not HTTP as we read it"))
        else:
            log.error("a request failed by a bug of ours", exc_info=exc)
            response = answer(InternalError("something here is broken; the log says what"))
        add_common_headers(response)
        response.force_close()
        return response

    def _wait_no_more(self) -> None:
        if self._taken_by is not None:
            self._taken_by.cancel()
            self._taken_by = None


class HttpServer(web.Server):
    """Makes a `HttpProtocol` for each connection."""

    def __call__(self) -> HttpProtocol:
        """Called for each connection."""
        return HttpProtocol(self, loop=self._loop)


class _Rest(bytearray):
    """What aiohttp kept, for whoever reads on."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take it."""
        self += data
        return False, b""

    def feed_eof(self) -> None:
        """Take note of nothing."""


def add_common_headers(response: web.StreamResponse) -> None:
    """Put on every answer what every answer carries; what is already set stays."""
    headers = response.headers
    headers["Server"] = "deskwire"
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cache-Control", "no-store")
