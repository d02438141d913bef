"""Output of one WebSocket: whole frames, written without blocking, closed within a bound.

`protocol/websocket/serializer.py` makes the frames. `WebSocketProtocol` handles the input.
"""

import asyncio
from collections.abc import Iterable

from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.websocket.serializer import close_frame, ping_frame, pong_frame
from deskwire.server.net.tcp_transport import BUSY, TcpTransport

CLOSE_TIMEOUT = Seconds(2)
STALLED_AFTER = Seconds(30)
MAX_UNSENT = 64 * 1024
MAX_UNANSWERED_PINGS = 2


class Connection:
    """Writes frames to one client."""

    __slots__ = (
        "_loop",
        "_unanswered_pings",
        "close_sent",
        "close_started",
        "skipped",
        "transport",
    )

    def __init__(self, transport: TcpTransport) -> None:
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self._unanswered_pings = 0
        self.close_started = False
        """True after our close frame or an abort; no further frame is sent."""
        self.skipped = 0
        """Number of snapshots that were skipped because older data was unsent."""
        self.close_sent: tuple[int, str] | None = None
        """Code and reason of our close frame, once it is sent."""

    @property
    def closing(self) -> bool:
        """True when no further frame can be sent."""
        return self.close_started or self.transport.closing

    @property
    def unsent(self) -> int:
        """Buffered bytes that the client has not read."""
        return len(self.transport.unsent)

    def skip(self) -> None:
        """Skip a snapshot, and abort if the client has read nothing for `STALLED_AFTER`."""
        if self.closing:
            return
        self.skipped += 1
        if self._loop.time() - self.transport.unsent_since >= STALLED_AFTER:
            self.abort()

    def send(self, frame: bytes) -> None:
        """Write a frame that must not be skipped; abort if more than `MAX_UNSENT` is unsent."""
        if self.closing:
            return
        if self.unsent > MAX_UNSENT:
            self.abort()
        else:
            self.transport.write(frame)

    def pong(self, payload: bytes) -> None:
        """Answer a ping, unless the client has not read the data before."""
        if not self.closing and self.unsent == 0:
            self.send(pong_frame(payload))

    def ping(self) -> None:
        """Send a ping."""
        self._unanswered_pings += 1
        self.send(ping_frame())

    def frame_received(self) -> None:
        """Reset the count of unanswered pings."""
        self._unanswered_pings = 0

    def abort_if_silent(self) -> None:
        """Abort if the client has left `MAX_UNANSWERED_PINGS` unanswered."""
        if self._unanswered_pings >= MAX_UNANSWERED_PINGS:
            self.abort()

    def close(self, code: int | None, reason: str = "") -> None:
        """Send a close frame; abort after `CLOSE_TIMEOUT`."""
        if self.close_started:
            return
        self.close_started = True
        if self.transport.closing:
            return
        self.close_sent = (code or CloseCode.NORMAL, reason)
        self.transport.write_final(close_frame(code, reason))
        self._loop.call_later(CLOSE_TIMEOUT, self.transport.abort)

    def close_transport(self) -> None:
        """Close the transport after both close frames."""
        self.close_started = True
        self.transport.close()

    def send_eof(self) -> bool:
        """Send EOF after our close frame; return False under TLS, which does not allow it."""
        if self.transport.closing or not self.transport.can_write_eof():
            return False
        self.transport.write_eof()
        return True

    def abort(self) -> None:
        """Close at once, without a close frame."""
        self.close_started = True
        self.transport.abort()


def write_or_skip(frame: bytes, connection: Connection) -> bool:
    """Write a frame unless older data is unsent; return whether it was written."""
    skipped = connection.skipped
    broadcast(frame, [connection])
    return connection.skipped == skipped


def broadcast(frame: bytes, connections: Iterable[Connection]) -> None:
    """Write a snapshot to each client without unsent data; the others skip it.

    The loop does nothing more for each client: beside the kernel's work, a frame costs calls, and
    memory that the previous thousands of clients have evicted from the processor's caches.
    """
    size = len(frame)
    for connection in connections:
        try:
            sent = connection.transport.send_nowait(frame)
        except OSError as problem:
            connection.transport.send_failed(problem)
            sent = 0
        if sent == BUSY:
            connection.skip()
        elif sent != size:
            connection.transport.buffer(frame[sent:])
