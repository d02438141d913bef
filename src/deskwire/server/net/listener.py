"""Listening socket: accepts connections, and bounds how many there are.

WebSockets are counted by the session registry. All other connections are HTTP connections, of which
there is a maximum. Above it, one of the client that has the most is closed. So a client that holds
or opens many connections can exhaust neither the file descriptors of the process nor the places of
other clients, however slow their networks are.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

from deskwire.model.units import Seconds
from deskwire.server.eviction import EvictionQueue
from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.rate_limited_logger import RateLimitedLogger

ACCEPTS_PER_TURN = 64
"""Connections to accept before other tasks of the event loop run."""
MAX_HTTP_CONNECTIONS = 512
HTTP_CONNECTIONS_PER_SOCKET = 2
"""Raises the maximum where many WebSockets are allowed, whose clients may all reconnect at once.

With the default settings all connections together stay below 1,024 file descriptors.
"""
RETRY_AFTER = Seconds(1)
"""Pause after the system ran out of file descriptors or memory."""
SHORTAGE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
BACKLOG = 1024
SEND_BUFFER = 16 * 1024
"""Bytes in the kernel for a peer that does not read; the kernel doubles the number, socket(7)."""

ProtocolFactory = Callable[[], asyncio.Protocol]
TransportFactory = Callable[
    [socket.socket, Any, ProtocolFactory, Callable[[TcpTransport], None]], TcpTransport
]

log = logging.getLogger("deskwire.http")


class Listener:
    """Accepts connections until it is closed."""

    def __init__(
        self,
        listening: socket.socket,
        make_protocol: ProtocolFactory,
        *,
        make_transport: TransportFactory = TcpTransport,
        on_connection: Callable[[], None] = lambda: None,
        max_sockets: Callable[[], int],
        visitors: EvictionQueue[asyncio.Transport] | None = None,
    ) -> None:
        """Start to accept on the non-blocking socket `listening`.

        `make_transport` may raise `OSError` for a peer that has already disconnected.
        `on_connection` is called for each connection; `max_sockets` returns how many WebSockets
        are allowed now. The listener adds each connection to `visitors`, and the HTTP server
        removes those that become WebSockets.
        """
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._make_protocol = make_protocol
        self._make_transport = make_transport
        self._on_connection = on_connection
        self._max_sockets = max_sockets
        self._transports: dict[TcpTransport, None] = {}
        """All connections, the oldest first."""
        self._visitors = EvictionQueue() if visitors is None else visitors
        self._retry: asyncio.TimerHandle | None = None
        self._shortage_log = RateLimitedLogger(log, logging.WARNING)
        self._start()

    def __len__(self) -> int:
        return len(self._transports)

    def __iter__(self) -> Iterator[TcpTransport]:
        return iter(self._transports)

    def close(self) -> None:
        """Stop accepting connections; open ones stay."""
        if self._listening.fileno() < 0:
            return
        if self._retry is not None:
            self._retry.cancel()
        self._shortage_log.flush()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    def abort_all(self) -> None:
        """Close every connection at once."""
        for transport in list(self._transports):
            transport.abort()

    def _start(self) -> None:
        self._retry = None
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                connection, peername = self._listening.accept()
            except OSError as problem:
                if problem.errno in SHORTAGE:
                    self._shortage_log.write(
                        f"cannot accept connections: {problem.strerror}; "
                        f"trying again in {RETRY_AFTER:g} s"
                    )
                    self._loop.remove_reader(self._listening)
                    self._retry = self._loop.call_later(RETRY_AFTER, self._start)
                return
            self._open(connection, peername)

    def _open(self, connection: socket.socket, peername: Any) -> None:
        self._on_connection()
        connection.setblocking(False)
        try:
            transport = self._make_transport(
                connection, peername, self._make_protocol, self._remove
            )
        except OSError:
            connection.close()
            return
        address = peername[0] if isinstance(peername, tuple) else ""  # a Unix socket has no address
        self._transports[transport] = None
        self._visitors.add(transport, address)
        self._evict()
        transport.start()

    def _evict(self) -> None:
        limit = max(MAX_HTTP_CONNECTIONS, HTTP_CONNECTIONS_PER_SOCKET * self._max_sockets())
        if len(self._visitors) > limit:
            self._visitors.evict().abort()

    def _remove(self, transport: TcpTransport) -> None:
        self._transports.pop(transport, None)
        self._visitors.discard(transport)


async def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address; raises `OSError` if the address is unavailable."""
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


def listen(bound: socket.socket) -> socket.socket:
    """Make a bound socket ready for a `Listener`."""
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    bound.listen(BACKLOG)
    return bound
