"""TLS transport: OpenSSL on the socket itself, with no buffers of its own.

OpenSSL releases its buffers while they are empty (SSL_MODE_RELEASE_BUFFERS), so an idle connection
is small and a frame is quick; see docs/decisions/0018-own-tcp-and-tls-transports.md. OpenSSL wants
a write that made no progress repeated with the same bytes (SSL_write(3)); `unsent` provides that.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from deskwire.model.units import Seconds
from deskwire.server.http.problems import BadRequest, encode_problem
from deskwire.server.net.tcp_transport import EOF_TIMEOUT, READ_SIZE, TcpTransport

HANDSHAKE_TIMEOUT = Seconds(10)
PLAIN_HTTP_REASON = "HTTP_REQUEST"
"""OpenSSL's error reason when the peer sent an HTTP request instead of a handshake."""
PLAIN_HTTP_RESPONSE = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    + encode_problem(BadRequest("plain HTTP request on a TLS port; use https:// in the address"))
)


class TlsTransport(TcpTransport):
    """One encrypted connection; its protocol is created after the handshake."""

    __slots__ = ("_context",)

    write_blocked = ssl.SSLWantWriteError
    read_blocked = ssl.SSLWantReadError

    def __init__(
        self,
        connection: socket.socket,
        peername: Any,
        make_protocol: Callable[[], asyncio.Protocol],
        on_closed: Callable[[TcpTransport], None],
        *,
        context: ssl.SSLContext,
    ) -> None:
        """Raises `OSError` if the peer has already disconnected."""
        self._context = context
        wrapped = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        super().__init__(wrapped, peername, make_protocol, on_closed)

    def start(self) -> None:
        """Do the handshake within `HANDSHAKE_TIMEOUT`, then start to read."""
        self._abort_after(HANDSHAKE_TIMEOUT)
        self._loop.add_reader(self.socket.fileno(), self._handshake)

    def _handshake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.remove_writer(self.socket.fileno())
        except ssl.SSLWantWriteError:
            self._loop.add_writer(self.socket.fileno(), self._handshake)
        except OSError as problem:
            if isinstance(problem, ssl.SSLError) and problem.reason == PLAIN_HTTP_REASON:
                self._answer_plain_http()
            self._disconnect(problem)
        else:
            self._abort_after(None)
            self._loop.remove_writer(self.socket.fileno())
            self._loop.remove_reader(self.socket.fileno())
            super().start()

    def _answer_plain_http(self) -> None:
        """Tell the client to use https://. The request itself is not read."""
        with suppress(OSError):
            socket.socket.recv(self._tls, READ_SIZE)  # unread input would reset the connection
        with suppress(OSError):
            socket.socket.send(self._tls, PLAIN_HTTP_RESPONSE)

    def can_write_eof(self) -> bool:
        """Return False: not every TLS peer can still send after our close_notify."""
        return False

    def _send_eof(self) -> bool:
        """Send close_notify, RFC 8446 section 6.1."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            self._loop.remove_writer(self.socket.fileno())
        except ssl.SSLWantWriteError:
            self._abort_after(EOF_TIMEOUT)
            self._loop.add_writer(self.socket.fileno(), self._close_gracefully)
            return False
        except OSError as problem:
            self._disconnect(problem)
            return False
        else:
            self._eof_received = True  # the peer's close_notify came first
        return True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return `peername`, `socket` or `sslcontext`."""
        return self._context if name == "sslcontext" else super().get_extra_info(name, default)

    @property
    def _tls(self) -> ssl.SSLSocket:
        assert isinstance(self.socket, ssl.SSLSocket)
        return self.socket
