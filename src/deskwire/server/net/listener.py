"""The open port: each connection becomes a `TcpTransport`, and is let go of when it is gone.

Until it is a WebSocket, of which `sockets` allows so many, it is a visitor; of too many the one
that came first makes room. So whoever holds connections open takes neither the machine's
descriptors nor anybody's place: a log-in is over before hundreds of others have come.
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

from deskwire.model.units import Seconds
from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.net.tls_transport import TlsTransport
from deskwire.server.rate_limited_logger import RateLimitedLogger

AT_A_STRETCH = 64
"""Connections that are accepted before others get their turn."""
MOST_VISITORS = 512
VISITORS_A_SOCKET = 2
"""Where there may be more sockets than usual, for all may come at once and ask something besides.
As it is usually it is fewer in all than the 1,024 descriptors that a process may have."""
AGAIN_AFTER = Seconds(1)
"""Where the machine has no more descriptors or memory for one."""
SHORTAGE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

log = logging.getLogger("deskwire.http")


class Listener:
    """Accepts connections until it is told not to."""

    def __init__(
        self,
        listening: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        *,
        context: ssl.SSLContext | None,
        on_connection: Callable[[], None] | None,
        max_sockets: Callable[[], int],
    ) -> None:
        """Begin; `listening` does not block. `on_connection` is told of each connection.

        `max_sockets` says how many WebSockets there may be now.
        """
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._protocol = protocol
        self._context = context
        self._on_connection = on_connection
        self._max_sockets = max_sockets
        self._streams: dict[TcpTransport, None] = {}  # as they came
        self._again: asyncio.TimerHandle | None = None
        self._short = RateLimitedLogger(log, logging.WARNING)
        self._begin()

    def __len__(self) -> int:
        return len(self._streams)

    def __iter__(self) -> Iterator[TcpTransport]:
        return iter(self._streams)

    def close(self) -> None:
        """Accept no more."""
        if self._listening.fileno() < 0:
            return
        if self._again is not None:
            self._again.cancel()
        self._short.flush()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    def abort_all(self) -> None:
        """Close every connection at once."""
        for stream in list(self._streams):
            stream.abort()

    def _begin(self) -> None:
        self._again = None
        self._loop.add_reader(self._listening, self._accept_some)

    def _accept_some(self) -> None:
        for _ in range(AT_A_STRETCH):
            try:
                accepted, peer = self._listening.accept()
            except OSError as problem:
                if problem.errno in SHORTAGE:
                    self._short.write(f"no connection can be accepted: {problem.strerror}")
                    self._loop.remove_reader(self._listening)
                    self._again = self._loop.call_later(AGAIN_AFTER, self._begin)
                return
            self._receive(accepted, peer)

    def _receive(self, accepted: socket.socket, peer: Any) -> None:
        if self._on_connection is not None:
            self._on_connection()
        accepted.setblocking(False)
        stream: TcpTransport
        try:
            if self._context is None:
                stream = TcpTransport(accepted, peer, self._protocol, self._gone)
            else:
                stream = TlsTransport(accepted, peer, self._protocol, self._gone, self._context)
        except OSError:  # it has come and gone
            accepted.close()
            return
        self._streams[stream] = None
        self._make_room()
        stream.start()

    def _make_room(self) -> None:
        most = max(MOST_VISITORS, VISITORS_A_SOCKET * self._max_sockets())
        if len(self._streams) > most:
            visitors = [stream for stream in self._streams if not stream.upgraded]
            if len(visitors) > most:
                self._gone(visitors[0])
                visitors[0].abort()

    def _gone(self, stream: TcpTransport) -> None:
        self._streams.pop(stream, None)
