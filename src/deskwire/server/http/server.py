"""HTTP server: aiohttp's request handler with our bounds and error bodies, on our listener.

aiohttp waits an hour for a request that is never completed, and without limit for a peer that does
not read the response. It answers a malformed request with a text of its own. Here all three are
bounded and answered like any other error.

`HttpProtocol` uses private attributes of aiohttp, named in `AIOHTTP_PRIVATE`. A test fails when one
of them is gone, and pyproject.toml pins the versions that have them.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import BadHttpMethod, HttpProcessingError

from deskwire.server.eviction import EvictionQueue
from deskwire.server.http.problems import BadRequest, InternalError, UnknownMethod, error_response
from deskwire.server.net.listener import Listener, TransportFactory, bind, listen
from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.net.tls_transport import TlsTransport

KEEPALIVE_TIMEOUT = 10.0
"""Seconds between two requests, and for the head of one request to arrive."""
WRITE_TIMEOUT = 15.0
"""Seconds for a peer to read the 48 KiB between the transport's high and low water marks."""
LINGERING_TIME = 1.0
"""Seconds to read the rest of a body that the handler did not read."""
MAX_BODY = 16 * 1024
SHUTDOWN_TIMEOUT = 0.5
MAX_SOCKETS = 256
AIOHTTP_PRIVATE = ("_messages", "_parser", "_request_count", "_waiter")
WRONG_VERSION = web.RequestKey("wrong_version", bool)
"""Set on a request whose major HTTP version is not 1."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

log = logging.getLogger("deskwire.http")


class HttpProtocol(web.RequestHandler):
    """HTTP on one connection, until it closes or becomes a WebSocket."""

    __slots__ = ("_eof_received", "_visitors", "_write_timer")

    def __init__(self, manager: "HttpServer", *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=KEEPALIVE_TIMEOUT,
            lingering_time=LINGERING_TIME,
            auto_decompress=False,  # no request may be compressed
            access_log=None,  # type: ignore[arg-type]  # it takes None and is then silent
        )
        self._eof_received = False
        self._visitors = manager.visitors
        self._write_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Start the write timeout: the transport's buffer is full."""
        super().pause_writing()
        if self._write_timer is None and self.transport is not None:
            loop = asyncio.get_running_loop()
            self._write_timer = loop.call_later(WRITE_TIMEOUT, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the write timeout: the peer has read enough."""
        super().resume_writing()
        self._stop_write_timer()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop all work for the connection."""
        self._stop_write_timer()
        super().connection_lost(exc)

    def identify(self, address: str) -> None:
        """Count the connection for the client at `address`, which a trusted proxy may name."""
        if self.transport is not None:
            self._visitors.move(self.transport, address)

    def detach(self) -> bytes:
        """Give up the connection to another protocol; return the input after the last request."""
        if self.transport is not None:
            self._visitors.discard(self.transport)
        unread = _Unread()
        self.set_parser(unread)  # type: ignore[arg-type]  # aiohttp feeds it the buffered input
        self.transport = None
        self.connection_lost(None)
        return bytes(unread)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's, which aiohttp narrows
        """Return whether a complete request is still unanswered; its response keeps us open.

        A client may shut down its write side and still read, as `nc -N` does.
        """
        pending = self._request_count and (self._messages or self._waiter is None)
        parser = self._parser
        if not pending or parser is None:
            return False
        try:
            parser.feed_eof()
        except HttpProcessingError:  # the request will never be complete
            return False
        self._eof_received = True
        return True

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write a response; close after the last one to a client that has sent EOF."""
        finished = await super().finish_response(request, resp, start_time)
        if self._eof_received and not self._messages:
            self.close()
        return finished

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - aiohttp's signature
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's signature
    ) -> web.StreamResponse:
        """Return the response to a request that aiohttp cannot parse, or to a bug (5xx)."""
        if isinstance(exc, BadHttpMethod):
            response = error_response(UnknownMethod())
        elif status < 500:
            response = error_response(BadRequest("malformed HTTP request"))
        else:
            log.error("unhandled exception in a request", exc_info=exc)
            response = error_response(InternalError())
        add_common_headers(response)
        response.force_close()
        return response

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None


class HttpServer(web.Server):
    """Makes an `HttpProtocol` for each connection."""

    def __init__(
        self, handler: Handler, visitors: EvictionQueue[asyncio.Transport] | None = None
    ) -> None:
        super().__init__(handler, request_factory=_make_request)
        self.visitors = EvictionQueue() if visitors is None else visitors
        """The HTTP connections."""

    def __call__(self) -> HttpProtocol:
        """Return a protocol for a new connection."""
        return HttpProtocol(self, loop=asyncio.get_running_loop())


class _Unread(bytearray):
    """Receives the input that aiohttp has buffered."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Keep the data."""
        self += data
        return False, b""

    def feed_eof(self) -> None:
        """Ignore the end of input."""


def _make_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    wrong_version = message.version.major != 1
    if wrong_version:  # aiohttp would send the response in that version
        message = message._replace(version=HttpVersion11, should_close=True)
    request = web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY
    )
    if wrong_version:
        request[WRONG_VERSION] = True
    return request


def add_common_headers(response: web.StreamResponse) -> None:
    """Add the headers that each response has; security headers already set stay."""
    headers = response.headers
    headers["Server"] = "deskwire"
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cache-Control", "no-store")


class RunningServer:
    """The open port of the daemon."""

    def __init__(self, address: tuple[str, int], listener: Listener, http: HttpServer) -> None:
        self.host, self.port = address
        """Address of the open port."""
        self._listener = listener
        self._http = http

    def close(self) -> None:
        """Stop accepting connections."""
        self._listener.close()

    async def wait_closed(self) -> None:
        """Finish the pending requests within `SHUTDOWN_TIMEOUT`, then close every connection."""
        self._http.pre_shutdown()
        await self._http.shutdown(SHUTDOWN_TIMEOUT)
        self._listener.abort_all()
        await asyncio.sleep(0)


async def start_server(
    handler: Handler,
    *,
    host: str,
    port: int,
    context: ssl.SSLContext | None,
    listening: socket.socket | None = None,
    on_connection: Callable[[], None] = lambda: None,
    max_sockets: Callable[[], int] = lambda: MAX_SOCKETS,
    make_transport: TransportFactory | None = None,
    is_known: Callable[[str], bool] = lambda _: False,
) -> RunningServer:
    """Accept connections; raises `OSError` if the address is unavailable.

    A bound socket in `listening` replaces host and port. `on_connection` is called for each
    connection before any data is read. `max_sockets` returns the allowed number of WebSockets.
    `make_transport` replaces the transport that `context` selects, for measurements. `is_known`
    returns whether a user has logged in from an address before.
    """
    if make_transport is None:
        make_transport = TcpTransport if context is None else partial(TlsTransport, context=context)
    visitors: EvictionQueue[asyncio.Transport] = EvictionQueue(is_known)
    http = HttpServer(handler, visitors)
    listening = listen(listening if listening is not None else await bind(host, port))
    listener = Listener(
        listening,
        http,
        make_transport=make_transport,
        on_connection=on_connection,
        max_sockets=max_sockets,
        visitors=visitors,
    )
    return RunningServer(listening.getsockname()[:2], listener, http)
