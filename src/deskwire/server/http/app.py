"""The doors open: every request passes the same few steps, every answer the same rim.

    Host and Origin ─▶ route ─▶ its handler ─▶ answer, or the problem as an answer

A bug of ours ends here as a 500 that says nothing, and a line in the log that says all.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Sequence

import msgspec
from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from msgspec import Struct

from deskwire.model.problems import Problem
from deskwire.server.http.cors import allow_cross_origin_read, is_preflight, preflight
from deskwire.server.http.http_protocol import LARGEST_BODY, HttpServer, add_common_headers
from deskwire.server.http.openapi import describe
from deskwire.server.http.problems import (
    BadRequest,
    ForeignOrigin,
    InternalError,
    Misdirected,
    UnknownMethod,
    answer,
)
from deskwire.server.http.request_policy import RequestPolicy
from deskwire.server.http.route import Request, Route, Router
from deskwire.server.net.listener import Listener

SEND_BUFFER = 16 * 1024
"""What the kernel may hold for a peer that does not read; it doubles the number, socket(7)."""
BACKLOG = 1024
MOST_SOCKETS = 256
FAREWELL_TIMEOUT = 0.5
STRANGE = web.RequestKey("strange", bool)
"""What marks a request of another major version of HTTP than 1."""

log = logging.getLogger("deskwire.http")


class HttpApp:
    """Answers requests."""

    def __init__(self, table: Sequence[Route], names: RequestPolicy, *, cookie: str) -> None:
        async def openapi(_: Request) -> web.Response:
            return web.Response(body=self._description, content_type="application/json")

        own = Route(
            method="GET",
            path="/v1/openapi.json",
            handle=openapi,
            summary="This description",
            gives="application/json",
        )
        self._routes = [*table, own]
        self._table = Router(self._routes)
        self.names = names
        self.describe(cookie=cookie)

    def describe(self, *, cookie: str) -> None:
        """Describe all of it, with the page's cookie under this name."""
        self._description = msgspec.json.encode(describe(self._routes, cookie=cookie))

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; nothing is raised but cancellation."""
        try:
            response = await self._handle(request)
        except Problem as problem:
            response = answer(problem)
        except Exception:
            log.exception("%s %s failed by a bug of ours", request.method, request.path[:200])
            response = answer(InternalError("something here is broken; the log says what"))
        if not response.prepared:
            if origin := self.names.page(request):
                allow_cross_origin_read(response, origin)
            add_common_headers(response)
        return response

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "CONNECT":  # its target is no path
            raise UnknownMethod
        if STRANGE in request:
            raise BadRequest("another version of HTTP is spoken here")
        try:
            host = self.names.check(request)
        except (BadRequest, Misdirected):
            if request.headers.get("Upgrade", "").lower() == "websocket":
                raise ForeignOrigin("this desk has no such name") from None
            raise
        if is_preflight(request) and self.names.page(request):
            return preflight()
        route, segment = self._table.find(request.method, request.path)
        address, by_tls = self.names.address(request), self.names.came_by_tls(request)
        given = await route.handle(Request(request, host, address, segment, by_tls))
        if given is None:
            return web.Response(status=route.status)
        if isinstance(given, Struct):
            return web.Response(body=msgspec.json.encode(given), content_type="application/json")
        return given


class RunningServer:
    """The daemon's open port."""

    def __init__(self, listening: socket.socket, accepting: Listener, listener: HttpServer) -> None:
        self.host, self.port = listening.getsockname()[:2]
        """Where connections are accepted."""
        self._accepting = accepting
        self._listener = listener

    def close(self) -> None:
        """Accept no more connections."""
        self._accepting.close()

    async def wait_closed(self) -> None:
        """Close every connection that is left; bounded."""
        self._listener.pre_shutdown()
        await self._listener.shutdown(FAREWELL_TIMEOUT)
        self._accepting.abort_all()
        await asyncio.sleep(0)


async def start_server(
    doors: HttpApp,
    *,
    host: str,
    port: int,
    context: ssl.SSLContext | None,
    listening: socket.socket | None = None,
    on_connection: Callable[[], None] | None = None,
    max_sockets: Callable[[], int] = lambda: MOST_SOCKETS,
) -> RunningServer:
    """Accept connections; raises `OSError` when the address cannot be had.

    Where `listening` is given, it stands in place of host and port. `on_connection` is told of each
    connection before anything is said on it. `max_sockets` is how many WebSockets there may be; of
    other connections there may be twice as many, and 512.
    """
    listener = HttpServer(doors.answer, request_factory=_request)
    if listening is None:
        listening = await _bound(host, port)
    listening.setblocking(False)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    listening.listen(BACKLOG)
    accepting = Listener(
        listening, listener, context=context, on_connection=on_connection, max_sockets=max_sockets
    )
    return RunningServer(listening, accepting, listener)


async def _bound(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    strange = message.version.major != 1
    if strange:  # aiohttp would answer in the version it was asked in
        message = message._replace(version=HttpVersion11, should_close=True)
    request = web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY
    )
    if strange:
        request[STRANGE] = True
    return request
