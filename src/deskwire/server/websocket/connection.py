"""One open WebSocket, as bytes out: written without waiting, closed within a bound.

Everything a daemon says on a socket is a whole frame (`protocol/framing`), written to its stream
here; what comes in is heard by `inbox`.
"""

import asyncio
from collections.abc import Iterable

from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.websocket.serializer import close_frame, ping_frame, pong_frame
from deskwire.server.net.tcp_transport import BUSY, TcpTransport

CLOSE_TIMEOUT = Seconds(2)
STUCK_AFTER = Seconds(30)
UNREAD_ALLOWED = 64 * 1024
UNANSWERED_ALLOWED = 2


class Connection:
    """What is written to one screen."""

    __slots__ = (
        "_loop",
        "_unanswered",
        "ending",
        "last_word",
        "skipped",
        "stream",
    )

    def __init__(self, stream: TcpTransport) -> None:
        self.stream = stream
        self._loop = asyncio.get_running_loop()
        self._unanswered = 0
        self.ending = False
        """Whether we have said our last word: nothing more is said."""
        self.skipped = 0
        """How many stats frames it was not given, because it had not taken what was before."""
        self.last_word: tuple[int, str] | None = None
        """The close code and reason we said, if we said any."""

    @property
    def closing(self) -> bool:
        """Whether a close frame is out, or the stream is gone: nothing more is said."""
        return self.ending or self.stream.closing

    @property
    def unread(self) -> int:
        """Bytes we hold because the peer has not taken them."""
        return len(self.stream.unsent)

    def fall_behind(self) -> None:
        """Skip a stats frame: the last is not taken, and the next is newer.

        A peer that has taken nothing for 30 s is dropped.
        """
        if self.closing:
            return
        self.skipped += 1
        if self._loop.time() - self.stream.unsent_since >= STUCK_AFTER:
            self.abort()

    def send(self, frame: bytes) -> None:
        """Write a frame that must not be skipped; a peer that lets 64 KiB pile up is dropped."""
        if self.closing:
            return
        if self.unread > UNREAD_ALLOWED:
            self.abort()
        else:
            self.stream.write(frame)

    def pong(self, payload: bytes) -> None:
        """Answer a ping, unless the peer does not even read our answers."""
        if not self.closing and self.unread == 0:
            self.send(pong_frame(payload))

    def ping(self) -> None:
        """Ask whether the peer is there."""
        self._unanswered += 1
        self.send(ping_frame())

    def heard(self) -> None:
        """Take note that the peer said something: it is there."""
        self._unanswered = 0

    def drop_if_silent(self) -> None:
        """Drop a peer that has left two pings unanswered."""
        if self._unanswered >= UNANSWERED_ALLOWED:
            self.abort()

    def close(self, code: int | None, reason: str = "") -> None:
        """Say the last word; the peer has 2 s to answer it, then the stream is gone."""
        if self.ending:
            return
        self.ending = True
        if self.stream.closing:
            return
        self.last_word = (code or CloseCode.NORMAL, reason)
        self.stream.write_last(close_frame(code, reason))
        self._loop.call_later(CLOSE_TIMEOUT, self.stream.abort)

    def finish(self) -> None:
        """Close the stream: both last words are said."""
        self.ending = True
        self.stream.close()

    def end_writing(self) -> bool:
        """Let the peer see the end after our last word; false where TLS has its own end."""
        if self.stream.closing or not self.stream.can_write_eof():
            return False
        self.stream.write_eof()
        return True

    def abort(self) -> None:
        """Drop the peer without a word."""
        self.ending = True
        self.stream.abort()


def offer(frame: bytes, connections: Iterable[Connection]) -> None:
    """Write a stats frame to each peer that has taken the last one; the others are skipped.

    Nothing is asked of each and nothing is noted of it: what a frame costs beyond the kernel's work
    is calls, and memory that the last five thousand have driven out of the processor's caches.
    """
    whole = len(frame)
    for connection in connections:
        try:
            taken = connection.stream.send_nowait(frame)
        except OSError as problem:
            connection.stream.send_failed(problem)
            taken = 0
        if taken == BUSY:
            connection.fall_behind()
        elif taken != whole:
            connection.stream.buffer(frame[taken:])
