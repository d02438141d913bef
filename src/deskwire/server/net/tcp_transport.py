"""One accepted TCP connection: asyncio's kind of transport, with our bounds.

    begin ─▶ open ──close──▶ what was written leaves, 2 s ─▶ the end is said, 0.5 s ─▶ gone
               └──────────────────────── abort, or the peer is gone ────────────────▶

asyncio's own reads 256 KiB at a time and keeps as much for each TLS connection; its closing waits
for ever for a peer that does not read, and resets one that still writes, which takes the last
answer back. `sealed` is the same under TLS. A reader that raises by a bug of ours loses its
connection, and the log says why. The loop is given descriptors and no sockets: of what it does not
know yet it makes an error that nobody reads, in which a socket is described by two system calls.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from deskwire.model.units import Seconds

READ = 16 * 1024
"""Bytes at a time, and the longest TLS record, RFC 8446 section 5.1."""
CLOSE_WITHIN = Seconds(2)
FAREWELL_WITHIN = Seconds(0.5)
"""For a peer to say that it has seen the end."""
MOST_UNSENT = 64 * 1024
"""From here on the writer is asked to pause; below a quarter of it, to go on."""

BUSY = -1
"""What an offer takes of a frame while none may be given: fewer bytes than nothing."""

log = logging.getLogger("deskwire.http")

_NONE: dict[str, Any] = {}


class TcpTransport(asyncio.Transport):
    """One connection, as what is written to and closed."""

    __slots__ = (
        "_bound",
        "_end_written",
        "_eof_received",
        "_gone",
        "_last_word_said",
        "_loop",
        "_make_protocol",
        "_on_closed",
        "_peer",
        "_protocol",
        "_reading",
        "_writer_paused",
        "closing",
        "send_nowait",
        "socket",
        "unsent",
        "unsent_since",
        "upgraded",
    )

    write_blocked: type[OSError] = BlockingIOError
    """What the socket raises where the kernel takes nothing now."""
    read_blocked: type[OSError] = BlockingIOError
    """What the socket raises where nothing has come yet."""

    def __init__(
        self,
        accepted: socket.socket,
        peer: Any,
        protocol: Callable[[], asyncio.Protocol],
        on_closed: Callable[["TcpTransport"], None],
    ) -> None:
        """`accepted` does not block and is ours from now on; `on_closed` is told of its end."""
        super().__init__(_NONE)
        self._loop = asyncio.get_running_loop()
        self.socket = accepted
        """What is under it; whoever sends on it keeps what is not taken."""
        self._peer = peer
        self._make_protocol = protocol
        self._on_closed = on_closed
        self._protocol: asyncio.Protocol | None = None
        self._reading = False
        self._writer_paused = False
        self._end_written = False
        self._last_word_said = False
        self._eof_received = False
        self._gone = False
        self._bound: asyncio.TimerHandle | None = None
        self.send_nowait: Callable[[bytes], int] = accepted.send
        """Take of these bytes what the kernel takes at once, and return how many those are.

        It is the socket's own `send`, or returns `BUSY`: while something is ahead of them, and
        when nothing may follow any more. What else it does not take is to be kept. It raises what
        `send` raises, for `send_failed`.
        """
        self.unsent = bytearray()
        """What was written and the kernel has not taken yet."""
        self.unsent_since = 0.0
        """By the loop's clock, where something is unsent."""
        self.closing = False
        """Whether it is closed, or about to be: nothing more is written or read."""
        self.upgraded = False
        """Whether it has become a WebSocket."""

    def start(self) -> None:
        """Introduce the protocol and read."""
        self._protocol = self._make_protocol()
        self._protocol.connection_made(self)
        self.resume_reading()

    # ---- out -------------------------------------------------------------------------------------

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Write without waiting; what the kernel does not take is kept."""
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

    def write_last(self, data: bytes) -> None:
        """Write what no offer may follow."""
        self._last_word_said = True
        self.send_nowait = _decline
        self.write(data)

    def send_failed(self, problem: OSError) -> None:
        """The socket took nothing: for now, or because the peer is gone."""
        if not isinstance(problem, self.write_blocked):
            self._end(problem)

    def buffer(self, rest: "bytes | memoryview[Any]") -> None:
        """Hold what the kernel did not take, and write it when it does."""
        if self.closing:
            return
        if not self.unsent:
            self.send_nowait = _decline
            self.unsent_since = self._loop.time()
            self._loop.add_writer(self.socket.fileno(), self._write_on)
        self.unsent += rest
        if len(self.unsent) > MOST_UNSENT and not self._writer_paused:
            self._writer_paused = True
            self.get_protocol().pause_writing()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the kernel has not taken yet."""
        return len(self.unsent)

    def can_write_eof(self) -> bool:
        """Tell whether the peer can see the end of what is written and still be heard."""
        return True

    def write_eof(self) -> None:
        """Let the peer see the end after what was written."""
        self._end_written = True
        if not self.unsent and not self.closing:
            self._say_end()

    def _write_on(self) -> None:
        try:
            del self.unsent[: self.socket.send(self.unsent)]
        except self.write_blocked:
            return
        except OSError as problem:
            self._end(problem)
            return
        if self._writer_paused and len(self.unsent) <= MOST_UNSENT // 4:
            self._writer_paused = False
            self.get_protocol().resume_writing()
        if self.unsent or self._gone:
            return
        self._loop.remove_writer(self.socket.fileno())
        if self.closing:
            self._part()
        elif self._end_written:
            self._say_end()
        elif not self._last_word_said:
            self.send_nowait = self.socket.send

    # ---- in --------------------------------------------------------------------------------------

    def is_reading(self) -> bool:
        """Tell whether what comes is read."""
        return self._reading

    def pause_reading(self) -> None:
        """Let what comes wait."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self.socket.fileno())

    def resume_reading(self) -> None:
        """Read on."""
        if not (self._reading or self._eof_received or self.closing):
            self._reading = True
            self._loop.add_reader(self.socket.fileno(), self._read_on)

    def _read_on(self) -> None:
        try:
            data = self.socket.recv(READ)
        except self.read_blocked:
            return
        except OSError as problem:
            self._end(problem)
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
            log.exception("a connection failed by a bug of ours")
            self.abort()

    # ---- the end ---------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        """Tell whether it is closed, or about to be."""
        return self.closing

    def close(self) -> None:
        """Close when what was written has left, and within `CLOSE_WITHIN`."""
        if self.closing:
            return
        self.pause_reading()
        self.closing = True
        self.send_nowait = _decline
        if self.unsent:
            self._end_within(CLOSE_WITHIN)
        else:
            self._part()

    def abort(self) -> None:
        """Close at once."""
        self._end(None)

    def _part(self) -> None:
        """Say that this is the end, and let pass what the peer still says until it says so too.

        To close on what is not read would reset the connection, and take back what is on its way.
        """
        if self._gone or not self._say_end():
            return
        if self._eof_received:
            self._end(None)
            return
        self._end_within(FAREWELL_WITHIN)
        self._loop.add_reader(self.socket.fileno(), self._let_pass)

    def _let_pass(self) -> None:
        try:
            if self.socket.recv(READ):
                return
        except self.read_blocked:
            return
        except OSError:
            pass
        self._end(None)

    def _say_end(self) -> bool:
        """Let the peer see the end; return whether it is said."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as problem:
            self._end(problem)
            return False
        return True

    def _end_within(self, span: Seconds | None) -> None:
        if self._bound is not None:
            self._bound.cancel()
        self._bound = None if span is None else self._loop.call_later(span, self.abort)

    def _end(self, problem: OSError | None) -> None:
        if self._gone:
            return
        self.closing = self._gone = True
        self.send_nowait = _decline
        self._reading = False
        self._loop.remove_reader(self.socket.fileno())
        self._loop.remove_writer(self.socket.fileno())
        self._loop.call_soon(self._lose, problem)

    def _lose(self, problem: OSError | None) -> None:
        self._end_within(None)
        self.unsent.clear()
        self.socket.close()
        self._on_closed(self)
        if self._protocol is not None:
            self._protocol.connection_lost(problem)

    # ---- what it is made of ----------------------------------------------------------------------

    def get_protocol(self) -> asyncio.Protocol:
        """Return whoever reads."""
        assert self._protocol is not None
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have another read from now on."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return `peername` or `socket`."""
        match name:
            case "peername":
                return self._peer
            case "socket":
                return self.socket
            case _:
                return default


def _decline(_offered: bytes) -> int:
    return BUSY
