"""Broadcaster of `stats` frames: writes the same bytes to every connection without waiting.

There is no queue and no task for each client. A client that has not taken the last frame is
skipped, and its next frame carries everything. A large number of clients is served in portions, so
that a command or a new connection waits for one portion only. A newer frame replaces the old one
between two portions. Pings also go to clients that may control but not see the desk.
"""

import asyncio

from deskwire.core.publisher import Publisher, Subscription, Update
from deskwire.model.readings import Snapshot
from deskwire.model.topics import Demand
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import Stats, encode_server_message
from deskwire.protocol.websocket.serializer import text_frame
from deskwire.server.websocket.connection import Connection, broadcast

PORTION = 256
PING_INTERVAL = Seconds(20)
PONG_TIMEOUT = Seconds(4)
YOUNG = Seconds(0.1)

TOPICS = Snapshot.__struct_fields__
"""Topics of the base protocol."""


class FrameCache:
    """Encodes readings at most once for each revision and tenth of a second.

    A frame is valid while its revision is current and it is young. The positions of players move
    between two revisions, so an old frame would show an old position.
    """

    def __init__(self) -> None:
        self._frame = b""
        self._revision = -1
        self._encoded = Seconds(0)

    def frame(self, update: Update, now: Seconds) -> bytes:
        """Return the whole frame with its header; `now` is CLOCK_MONOTONIC."""
        if update.revision != self._revision or now - self._encoded >= YOUNG:
            self._frame = text_frame(encode_server_message(Stats(Snapshot(**update.readings)), now))
            self._revision, self._encoded = update.revision, now
        return self._frame


class Broadcaster:
    """The clients of the base protocol and their `stats`."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._frames = FrameCache()
        self._subscription: Subscription | None = None
        self._connections: dict[Connection, None] = {}
        self._pinged: dict[Connection, None] = {}
        self._frame = b""
        self._queue: list[Connection] = []
        self._at = 0
        self._next_portion: asyncio.Handle | None = None
        self._pinging: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._connections)

    def expect(self) -> None:
        """Start the devices for a client that will join."""
        self._publisher.expect(TOPICS)

    def join(self, connection: Connection) -> None:
        """Stream to `connection`, starting with the newest frame, and ping it."""
        self.accompany(connection)
        self._connections[connection] = None
        if self._subscription is not None:
            self.refresh(connection)
            return
        self._subscription = self._publisher.subscribe(TOPICS, Demand.LIVE, self.receive)
        self._close_if_unused()  # the first write may have failed already

    def accompany(self, connection: Connection) -> None:
        """Ping `connection` without streaming to it."""
        self._pinged[connection] = None
        if self._pinging is None:
            self._ping_later()

    def leave(self, connection: Connection) -> None:
        """Stop streaming to `connection`, if it joined, and stop its pings."""
        self._pinged.pop(connection, None)
        if not self._pinged and self._pinging is not None:
            self._pinging.cancel()
            self._pinging = None
        self._connections.pop(connection, None)
        self._close_if_unused()

    def refresh(self, connection: Connection) -> None:
        """Write the newest frame to `connection` at once, if it has joined."""
        if connection in self._connections and (frame := self.newest()):
            broadcast(frame, [connection])

    def newest(self) -> bytes | None:
        """Return the newest frame; `None` while the first readings are gathered."""
        update = None if self._subscription is None else self._subscription.current()
        return None if update is None else self._encode(update)

    def receive(self, update: Update) -> None:
        """Encode an update and write it to every client."""
        self.send_to_all(self._encode(update))

    def send_to_all(self, frame: bytes) -> None:
        """Write a frame to every client that has taken the last one."""
        self._frame = frame
        if self._next_portion is None:
            self._queue = list(self._connections)
            self._at = 0
            self._write_portion()
        else:  # between portions: the waiting clients get the newer frame now, the others later
            self._queue = self._queue[self._at :] + self._queue[: self._at]
            self._at = 0

    def _close_if_unused(self) -> None:
        if not self._connections and self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _encode(self, update: Update) -> bytes:
        return self._frames.frame(update, Seconds(asyncio.get_running_loop().time()))

    def _write_portion(self) -> None:
        self._next_portion = None
        portion = self._queue[self._at : self._at + PORTION]
        self._at += PORTION
        broadcast(self._frame, portion)
        if self._at < len(self._queue):
            self._next_portion = asyncio.get_running_loop().call_soon(self._write_portion)
        else:
            self._queue = []

    def _ping_later(self) -> None:
        self._pinging = asyncio.get_running_loop().call_later(PING_INTERVAL, self._ping)

    def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        pinged = list(self._pinged)
        for connection in pinged:
            connection.ping()
        loop.call_later(PONG_TIMEOUT, _drop_silent, pinged)
        self._ping_later()


def _drop_silent(pinged: list[Connection]) -> None:
    for connection in pinged:
        connection.abort_if_silent()
