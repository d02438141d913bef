"""One open WebSocket, as bytes out: written without waiting, closed within a bound.

Everything a daemon says on a socket is a whole frame (`protocol/framing`) written to the
transport here; aiohttp reads and parses what comes in. Its own writer says nothing after the
handshake, and compression is never agreed on, so the two cannot mix inside a message.
"""

import asyncio
from typing import Any

from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.framing import close_frame, ping_frame, pong_frame

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
        "_transport",
        "_unanswered",
        "_wire",
        "frames",
        "last_word",
    )

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._wire = _beneath(transport)
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
        """Whether a close frame is out, or the transport is gone: nothing more is said.

        The transport knows first. asyncio's for TLS, closed twice (aiohttp does, for a peer that
        vanished), cannot even say what it holds.
        """
        return self._closing or self._transport.is_closing()

    @property
    def unread(self) -> int:
        """Bytes we hold because the peer has not taken them."""
        buffered = self._transport.get_write_buffer_size()
        if self._wire is not self._transport:
            buffered += self._wire.get_write_buffer_size()
        return buffered

    def offer(self, frame: bytes) -> None:
        """Write a stats frame if the peer has taken the last one, else skip it: the next is newer.

        A peer that has taken nothing for 30 s is dropped.
        """
        if self.closing:
            return
        if self.unread == 0:
            self._behind_since = None
            self.frames += 1
            self._transport.write(frame)
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
            self._transport.write(frame)

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
        """Say the last word; the peer has 2 s to answer it, then the transport is gone."""
        if self._closing:
            return
        self._closing = True
        if self._transport.is_closing():
            return
        self.last_word = (code or CloseCode.NORMAL, reason)
        self._transport.write(close_frame(code, reason))
        self._loop.call_later(CLOSE_TIMEOUT, self._wire.abort)

    def finish(self) -> None:
        """Close the transport: both last words are said. What was written has 2 s to leave."""
        self._closing = True
        if not self._transport.is_closing():
            self._transport.close()
            self._loop.call_later(CLOSE_TIMEOUT, self._wire.abort)

    def end_writing(self) -> bool:
        """Let the peer see the end after our last word; false where TLS has its own end."""
        if self._transport.is_closing() or not self._transport.can_write_eof():
            return False
        self._transport.write_eof()
        return True

    def abort(self) -> None:
        """Drop the peer without a word."""
        self._closing = True
        self._wire.abort()


def _beneath(transport: asyncio.Transport) -> asyncio.Transport:
    """Return the TCP transport below a TLS one, or the transport itself.

    asyncio's TLS transport counts only what it has not handed down yet; a peer that does not read
    fills the buffer below, and asyncio names no public way to it. It is also what is aborted: in
    Python 3.11.2, which is Debian's, a TLS transport that is gone already fails at that.
    """
    protocol: Any = getattr(transport, "_ssl_protocol", None)
    below = getattr(protocol, "_transport", None)
    return below if isinstance(below, asyncio.Transport) else transport
