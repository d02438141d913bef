"""TCP transport with bounded buffers and bounded closing, behind asyncio's transport interface.

    start ─▶ open ──close()──▶ flush, up to 2 s ─▶ EOF sent, 0.5 s for the peer's EOF ─▶ closed
               └──────────────────── abort(), or the connection is lost ──────────────▶

asyncio's own transport reads 256 KiB at a time and buffers as much for each TLS connection. Its
`close()` waits without limit for a peer that does not read. It resets a connection whose peer
still writes, and a reset can destroy the response on its way to the peer.

The event loop gets file descriptors, not socket objects. For an unknown socket object the loop
formats an error message and discards it, which costs two system calls.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from deskwire.model.units import Seconds

READ_SIZE = 16 * 1024
"""Bytes to read at a time; also the longest TLS record, RFC 8446 section 5.1."""
CLOSE_TIMEOUT = Seconds(2)
"""For the peer to read the buffered data after `close()`."""
EOF_TIMEOUT = Seconds(0.5)
"""For the peer to answer our EOF with its own."""
HIGH_WATER = 64 * 1024
"""Unsent bytes above which the protocol is paused. It resumes at a quarter of it."""

BUSY = -1
"""Returned by `send_nowait()` when the transport is closing or has buffered data."""

log = logging.getLogger("deskwire.http")

_NO_EXTRA: dict[str, Any] = {}


class TcpTransport(asyncio.Transport):
    """One accepted connection."""

    __slots__ = (
        "_close_timer",
        "_closed",
        "_eof_received",
        "_eof_requested",
        "_final_written",
        "_loop",
        "_make_protocol",
        "_on_closed",
        "_peername",
        "_protocol",
        "_protocol_paused",
        "_reading",
        "closing",
        "send_nowait",
        "socket",
        "unsent",
        "unsent_since",
        "upgraded",
    )

    write_blocked: type[OSError] = BlockingIOError
    """Raised by the socket when the kernel's send buffer is full."""
    read_blocked: type[OSError] = BlockingIOError
    """Raised by the socket when there is nothing to read yet."""

    def __init__(
        self,
        connection: socket.socket,
        peername: Any,
        make_protocol: Callable[[], asyncio.Protocol],
        on_closed: Callable[["TcpTransport"], None],
    ) -> None:
        """Own the non-blocking socket `connection` and close it at the end."""
        super().__init__(_NO_EXTRA)
        self._loop = asyncio.get_running_loop()
        self.socket = connection
        """The connected socket. Code that sends on it directly must `buffer()` the rest."""
        self._peername = peername
        self._make_protocol = make_protocol
        self._on_closed = on_closed
        self._protocol: asyncio.Protocol | None = None
        self._reading = False
        self._protocol_paused = False
        self._eof_requested = False
        self._final_written = False
        self._eof_received = False
        self._closed = False
        self._close_timer: asyncio.TimerHandle | None = None
        self.send_nowait: Callable[[bytes], int] = connection.send
        """Send what the kernel accepts at once; return the number of bytes, or `BUSY`.

        While nothing is buffered this is the socket's own `send`, for speed. The caller passes the
        rest to `buffer()`, and an `OSError` to `send_failed()`.
        """
        self.unsent = bytearray()
        """Bytes that were written and that the kernel has not accepted yet."""
        self.unsent_since = 0.0
        """Loop time at which `unsent` became non-empty."""
        self.closing = False
        """True when the transport is closed or closing: it reads and writes nothing more."""
        self.upgraded = False
        """True when the connection has become a WebSocket."""

    def start(self) -> None:
        """Create the protocol and start to read."""
        self._protocol = self._make_protocol()
        self._protocol.connection_made(self)
        self.resume_reading()

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Send without blocking, and buffer the rest."""
        if self.closing:
            return
        sent = 0
        if not self.unsent:
            try:
                sent = self.socket.send(data)
            except OSError as problem:
                self.send_failed(problem)
        if sent < len(data):
            self.buffer(memoryview(data)[sent:])

    def write_final(self, data: bytes) -> None:
        """Write the last data; `send_nowait()` returns `BUSY` from now on."""
        self._final_written = True
        self.send_nowait = _send_nothing
        self.write(data)

    def send_failed(self, problem: OSError) -> None:
        """Handle an error of the socket's `send`: wait if it was full, else close."""
        if not isinstance(problem, self.write_blocked):
            self._disconnect(problem)

    def buffer(self, rest: "bytes | memoryview[Any]") -> None:
        """Keep data that the kernel did not accept, and send it later."""
        if self.closing:
            return
        if not self.unsent:
            self.send_nowait = _send_nothing
            self.unsent_since = self._loop.time()
            self._loop.add_writer(self.socket.fileno(), self._flush)
        self.unsent += rest
        if len(self.unsent) > HIGH_WATER and not self._protocol_paused:
            self._protocol_paused = True
            self.get_protocol().pause_writing()

    def get_write_buffer_size(self) -> int:
        """Return the number of unsent bytes."""
        return len(self.unsent)

    def can_write_eof(self) -> bool:
        """Return True: a TCP peer can still send after it has seen our EOF."""
        return True

    def write_eof(self) -> None:
        """Send EOF after the buffered data."""
        self._eof_requested = True
        if not self.unsent and not self.closing:
            self._send_eof()

    def _flush(self) -> None:
        try:
            del self.unsent[: self.socket.send(self.unsent)]
        except self.write_blocked:
            return
        except OSError as problem:
            self._disconnect(problem)
            return
        if self._protocol_paused and len(self.unsent) <= HIGH_WATER // 4:
            self._protocol_paused = False
            self.get_protocol().resume_writing()
        if self.unsent or self._closed:
            return
        self._loop.remove_writer(self.socket.fileno())
        if self.closing:
            self._close_gracefully()
        elif self._eof_requested:
            self._send_eof()
        elif not self._final_written:
            self.send_nowait = self.socket.send

    def is_reading(self) -> bool:
        """Return whether the transport reads."""
        return self._reading

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading()`."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self.socket.fileno())

    def resume_reading(self) -> None:
        """Read again, unless the connection is closing or the peer has sent EOF."""
        if not (self._reading or self._eof_received or self.closing):
            self._reading = True
            self._loop.add_reader(self.socket.fileno(), self._read)

    def _read(self) -> None:
        try:
            data = self.socket.recv(READ_SIZE)
        except self.read_blocked:
            return
        except OSError as problem:
            self._disconnect(problem)
            return
        self._eof_received = not data
        try:
            if data:
                self.get_protocol().data_received(data)
            elif self.get_protocol().eof_received():
                self.pause_reading()
            else:
                self.close()
        except Exception:
            log.exception("unhandled exception in a protocol; its connection is closed")
            self.abort()

    def is_closing(self) -> bool:
        """Return whether the transport is closed or closing."""
        return self.closing

    def close(self) -> None:
        """Send the buffered data within `CLOSE_TIMEOUT`, then close."""
        if self.closing:
            return
        self.pause_reading()
        self.closing = True
        self.send_nowait = _send_nothing
        if self.unsent:
            self._abort_after(CLOSE_TIMEOUT)
        else:
            self._close_gracefully()

    def abort(self) -> None:
        """Close at once and discard the buffered data."""
        self._disconnect(None)

    def _close_gracefully(self) -> None:
        """Send EOF, and discard input until the peer sends EOF too.

        Closing a socket with unread input would reset the connection, and a reset can destroy
        data that is still on its way to the peer.
        """
        if self._closed or not self._send_eof():
            return
        if self._eof_received:
            self._disconnect(None)
            return
        self._abort_after(EOF_TIMEOUT)
        self._loop.add_reader(self.socket.fileno(), self._discard_input)

    def _discard_input(self) -> None:
        try:
            if self.socket.recv(READ_SIZE):
                return
        except self.read_blocked:
            return
        except OSError:
            pass
        self._disconnect(None)

    def _send_eof(self) -> bool:
        """Shut down the write side; return whether that is done."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as problem:
            self._disconnect(problem)
            return False
        return True

    def _abort_after(self, timeout: Seconds | None) -> None:
        if self._close_timer is not None:
            self._close_timer.cancel()
        self._close_timer = None if timeout is None else self._loop.call_later(timeout, self.abort)

    def _disconnect(self, problem: OSError | None) -> None:
        if self._closed:
            return
        self.closing = self._closed = True
        self.send_nowait = _send_nothing
        self._reading = False
        self._loop.remove_reader(self.socket.fileno())
        self._loop.remove_writer(self.socket.fileno())
        self._loop.call_soon(self._connection_lost, problem)

    def _connection_lost(self, problem: OSError | None) -> None:
        self._abort_after(None)
        self.unsent.clear()
        self.socket.close()
        self._on_closed(self)
        if self._protocol is not None:
            self._protocol.connection_lost(_as_connection_error(problem))

    def get_protocol(self) -> asyncio.Protocol:
        """Return the current protocol."""
        assert self._protocol is not None
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Replace the protocol."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return `peername` or `socket`."""
        match name:
            case "peername":
                return self._peername
            case "socket":
                return self.socket
            case _:
                return default


def _as_connection_error(problem: OSError | None) -> ConnectionError | None:
    """Return the error that protocols expect at a lost connection.

    TLS errors and an unreachable host are other kinds of `OSError`, which aiohttp's request handler
    reports as exceptions of the program.
    """
    if problem is None or isinstance(problem, ConnectionError):
        return problem
    return ConnectionResetError(str(problem))


def _send_nothing(_data: bytes) -> int:
    return BUSY
