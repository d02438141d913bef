"""A frame to everyone: one loop that writes the same bytes and waits for nobody.

No queue and no task a subscriber: who has not taken the last frame is skipped, and the next one
carries everything anyway. A large crowd is served in portions, so that a command or a new
connection never waits for the whole of it; a newer frame takes the place of the old one between
two portions. Pings go the same way, also to those who may command and not watch.
"""

import asyncio

from deskwire.core.publisher import Publisher
from deskwire.model.units import Seconds
from deskwire.server.websocket.connection import Connection, broadcast

PORTION = 256
PING_EVERY = Seconds(20)
PONG_WITHIN = Seconds(4)


class Broadcaster:
    """Those who watch, and the frames on their way to them."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._connections: dict[Connection, None] = {}
        self._pinged: dict[Connection, None] = {}
        self._frame = b""
        self._queue: list[Connection] = []
        self._at = 0
        self._next_portion: asyncio.Handle | None = None
        self._pinging: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._connections)

    def join(self, connection: Connection) -> None:
        """Stream to `connection`, beginning with the newest frame, and ping it."""
        self.accompany(connection)
        self._connections[connection] = None
        if len(self._connections) == 1:
            self._publisher.subscribe(self._publish)
        elif frame := self._publisher.newest():
            broadcast(frame, [connection])

    def accompany(self, connection: Connection) -> None:
        """Ping `connection`, and show it nothing."""
        self._pinged[connection] = None
        if self._pinging is None:
            self._ping_later()

    def leave(self, connection: Connection) -> None:
        """Stream to it no more; a connection that never joined is fine."""
        self._pinged.pop(connection, None)
        if not self._pinged and self._pinging is not None:
            self._pinging.cancel()
            self._pinging = None
        if connection not in self._connections:
            return
        del self._connections[connection]
        if not self._connections:
            self._publisher.unsubscribe(self._publish)

    def refresh(self, connection: Connection) -> None:
        """Write the newest frame to this one, out of turn, if it may watch."""
        if connection in self._connections and (frame := self._publisher.newest()):
            broadcast(frame, [connection])

    def _publish(self, frame: bytes) -> None:
        self._frame = frame
        if self._next_portion is None:
            self._queue = list(self._connections)
            self._at = 0
            self._write_portion()
        else:  # mid-way: those still waiting get the newer frame now, the others after them
            self._queue = self._queue[self._at :] + self._queue[: self._at]
            self._at = 0

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
        self._pinging = asyncio.get_running_loop().call_later(PING_EVERY, self._ping)

    def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        asked = list(self._pinged)
        for connection in asked:
            connection.ping()
        loop.call_later(PONG_WITHIN, _drop_silent, asked)
        self._ping_later()


def _drop_silent(asked: list[Connection]) -> None:
    for connection in asked:
        connection.abort_if_silent()
