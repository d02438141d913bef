"""What a screen said and nobody has listened to yet: bounded, by not reading on.

It stands where aiohttp has its own WebSocket parser, which takes unmasked frames, a close with
1006 and a new message inside a fragmented one, and finds bad UTF-8 at a message's end only.
"""

import asyncio
from collections import deque
from typing import Protocol

from deskwire.protocol.unframing import Binary, FrameReader, Received, Text

MOST_BYTES = 64 * 1024
OVERHEAD = 64
"""What a message counts for beside its payload."""
AT_A_STRETCH = 64
"""Messages that are listened to before others get their turn."""


class Flow(Protocol):
    """What the bytes come from."""

    def pause_reading(self) -> None:
        """Let no more come."""

    def resume_reading(self) -> None:
        """Let them come again."""


class Inbox:
    """One socket's messages, in order."""

    def __init__(self, flow: Flow, reader: FrameReader) -> None:
        self._flow = flow
        self._reader = reader
        self._messages: deque[Received] = deque()
        self._held = 0
        self._paused = False
        self._lost = False
        self._news: asyncio.Future[None] | None = None
        self._stretch = 0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take what came; `(True, b"")` says that nothing more is read. As aiohttp calls it."""
        for message in self._reader.feed(data):
            self._messages.append(message)
            self._held += _weight(message)
        if self._held > MOST_BYTES and not self._paused and not self._reader.ended:
            self._paused = True
            self._flow.pause_reading()
        self._wake()
        return self._reader.ended, b""

    def feed_eof(self) -> None:
        """The connection is gone."""
        self._lost = True
        self._wake()

    async def next(self) -> Received | None:
        """Return the next message; `None` when the connection is gone."""
        self._stretch += 1
        if self._stretch >= AT_A_STRETCH:
            self._stretch = 0
            await asyncio.sleep(0)
        while not self._messages:
            self._stretch = 0
            if self._lost:
                return None
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        message = self._messages.popleft()
        self._held -= _weight(message)
        if self._paused and self._held <= MOST_BYTES // 2:
            self._paused = False
            self._flow.resume_reading()
        return message

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


def _weight(message: Received) -> int:
    match message:
        case Text(text):
            return OVERHEAD + len(text)
        case Binary(payload):
            return OVERHEAD + len(payload)
        case _:
            return OVERHEAD
