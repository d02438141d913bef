"""One open WebSocket, as bytes out: written without waiting, closed within a bound.

Everything a daemon says on a socket is a whole frame (`protocol/framing`), written to its stream
here; what comes in is heard by `inbox`.
"""

import asyncio

from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.framing import close_frame, ping_frame, pong_frame
from deskwire.server.stream import Stream

CLOSE_TIMEOUT = Seconds(2)
STUCK_AFTER = Seconds(30)
UNREAD_ALLOWED = 64 * 1024
UNANSWERED_ALLOWED = 2


class Connection:
    """What is written to one screen."""

    __slots__ = (
        "_behind_since",
        "_closing",
        "_loop",
        "_stream",
        "_unanswered",
        "frames",
        "last_word",
    )

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._behind_since: float | None = None
        self._unanswered = 0
        self._closing = False
        self.frames = 0
        """How many stats frames were written."""
        self.last_word: tuple[int, str] | None = None
        """The close code and reason we said, if we said any."""

    @property
    def closing(self) -> bool:
        """Whether a close frame is out, or the stream is gone: nothing more is said."""
        return self._closing or self._stream.closing

    @property
    def unread(self) -> int:
        """Bytes we hold because the peer has not taken them."""
        return len(self._stream.unsent)

    def offer(self, frame: bytes) -> None:
        """Write a stats frame if the peer has taken the last one, else skip it: the next is newer.

        A peer that has taken nothing for 30 s is dropped.
        """
        stream = self._stream
        if self._closing or stream.closing:
            return
        if not stream.unsent:
            self._behind_since = None
            self.frames += 1
            stream.write(frame)
            return
        now = self._loop.time()
        if self._behind_since is None:
            self._behind_since = now
        elif now - self._behind_since >= STUCK_AFTER:
            self.abort()

    def send(self, frame: bytes) -> None:
        """Write a frame that must not be skipped; a peer that lets 64 KiB pile up is dropped."""
        if self.closing:
            return
        if self.unread > UNREAD_ALLOWED:
            self.abort()
        else:
            self._stream.write(frame)

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
        if self._closing:
            return
        self._closing = True
        if self._stream.closing:
            return
        self.last_word = (code or CloseCode.NORMAL, reason)
        self._stream.write(close_frame(code, reason))
        self._loop.call_later(CLOSE_TIMEOUT, self._stream.abort)

    def finish(self) -> None:
        """Close the stream: both last words are said."""
        self._closing = True
        self._stream.close()

    def end_writing(self) -> bool:
        """Let the peer see the end after our last word; false where TLS has its own end."""
        if self._stream.closing or not self._stream.can_write_eof():
            return False
        self._stream.write_eof()
        return True

    def abort(self) -> None:
        """Drop the peer without a word."""
        self._closing = True
        self._stream.abort()
