"""A connection under TLS: OpenSSL on the socket itself.

There are no buffers between it and the kernel but its own, which it gives back when they are empty
(SSL_MODE_RELEASE_BUFFERS): that is what keeps a connection small and a frame quick; see
docs/decisions/0018-own-tcp-and-tls-transports.md. A write that the kernel took no part of has to
be tried again with the same bytes (SSL_write(3)), which is what `unsent` is for anyway.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from deskwire.model.units import Seconds
from deskwire.server.http.problems import BadRequest, body_of
from deskwire.server.net.tcp_transport import FAREWELL_WITHIN, READ, TcpTransport

HANDSHAKE_WITHIN = Seconds(10)
SPOKEN_IN_CLEAR = "HTTP_REQUEST"
"""OpenSSL's reason where an HTTP request came in the place of a handshake."""
SAY_HTTPS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    + body_of(BadRequest("this port speaks TLS: write https:// before its address"))
)


class TlsTransport(TcpTransport):
    """One connection, encrypted; its protocol is introduced after the handshake."""

    __slots__ = ("_context",)

    write_blocked = ssl.SSLWantWriteError
    read_blocked = ssl.SSLWantReadError

    def __init__(
        self,
        accepted: socket.socket,
        peer: Any,
        protocol: Callable[[], asyncio.Protocol],
        on_closed: Callable[[TcpTransport], None],
        context: ssl.SSLContext,
    ) -> None:
        """Raises `OSError` where the peer is gone already."""
        self._context = context
        sealed = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        super().__init__(sealed, peer, protocol, on_closed)

    def start(self) -> None:
        """Wait for the handshake, a bounded time."""
        self._end_within(HANDSHAKE_WITHIN)
        self._loop.add_reader(self.socket.fileno(), self._shake_hands)

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.remove_writer(self.socket.fileno())
        except ssl.SSLWantWriteError:
            self._loop.add_writer(self.socket.fileno(), self._shake_hands)
        except OSError as problem:
            if isinstance(problem, ssl.SSLError) and problem.reason == SPOKEN_IN_CLEAR:
                self._answer_in_clear()
            self._end(problem)
        else:
            self._end_within(None)
            self._loop.remove_writer(self.socket.fileno())
            self._loop.remove_reader(self.socket.fileno())
            super().start()

    def _answer_in_clear(self) -> None:
        """Tell somebody who wrote http:// what to write; what they asked for is not looked at."""
        with suppress(OSError):
            socket.socket.recv(self._tls, READ)  # what is left unread would take the answer back
        with suppress(OSError):
            socket.socket.send(self._tls, SAY_HTTPS)

    def can_write_eof(self) -> bool:
        """TLS has an end of its own, and not every peer is still to be heard after it."""
        return False

    def _say_end(self) -> bool:
        """Say close_notify, RFC 8446 section 6.1."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            self._loop.remove_writer(self.socket.fileno())
        except ssl.SSLWantWriteError:
            self._end_within(FAREWELL_WITHIN)
            self._loop.add_writer(self.socket.fileno(), self._part)
            return False
        except OSError as problem:
            self._end(problem)
            return False
        else:
            self._eof_received = True  # it has said its own already
        return True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return `peername`, `socket` or `sslcontext`."""
        return self._context if name == "sslcontext" else super().get_extra_info(name, default)

    @property
    def _tls(self) -> ssl.SSLSocket:
        assert isinstance(self.socket, ssl.SSLSocket)
        return self.socket
