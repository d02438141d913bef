"""Broadcaster of `readings`: one encoded frame for all clients with the same topics and interval.

A frame has the topics that changed since the last one. A client that has not taken a frame is
skipped, and its next frame carries what it missed. There is no queue for each client.

Changes that a device signals are sent at once. Polled devices are read at the desk's interval, and
their topics are sent at most once in the client's interval. From 10 s on, the devices run in the
background, and every topic is sent at most once in that interval.
"""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from deskwire.core.publisher import Publisher, Update
from deskwire.model.instant import Clock
from deskwire.model.topics import BACKGROUND_INTERVAL, Demand
from deskwire.model.units import Seconds
from deskwire.protocol.extended.codec import encode_readings
from deskwire.protocol.websocket.serializer import text_frame
from deskwire.server.websocket.connection import Connection, write_or_skip

EARLY = Seconds(0.05)
"""A frame may be sent this much before its interval is over: timers vary."""


class Wish(NamedTuple):
    """Topics and interval of a subscription."""

    topics: frozenset[str]
    interval: Seconds


class Group:
    """The clients with the same topics and interval."""

    def __init__(self, publisher: Publisher, wish: Wish, clock: Clock) -> None:
        self._clock = clock
        self._interval = wish.interval
        in_background = wish.interval >= BACKGROUND_INTERVAL
        self._in_background = in_background
        self._paced = wish.topics if in_background else wish.topics & publisher.periodic
        """Topics that are sent at most once in the interval."""
        self._missed: dict[Connection, set[str]] = {}
        """For each client the topics of the frames that it skipped."""
        self._held: set[str] = set()
        """Changed topics that wait for the end of the interval."""
        self._sent_at = Seconds(float("-inf"))
        self._timer: asyncio.TimerHandle | None = None
        demand = Demand.BACKGROUND if in_background else Demand.LIVE
        self._subscription = publisher.subscribe(wish.topics, demand, self._receive)

    def __len__(self) -> int:
        return len(self._missed)

    def add(self, connection: Connection) -> None:
        """Send the newest readings to a client, and each change from now on."""
        self._missed[connection] = set(self._subscription.topics)
        update = self._subscription.current()
        if update is not None:
            self._write(update, set(), [connection])

    def remove(self, connection: Connection) -> None:
        """Stop sending to a client."""
        self._missed.pop(connection, None)

    def close(self) -> None:
        """End the subscription."""
        self._subscription.close()
        if self._timer is not None:
            self._timer.cancel()

    def _receive(self, update: Update) -> None:
        now = self._now()
        changed = self._held | update.changed
        is_due = now - self._sent_at >= self._interval - EARLY
        if is_due:
            self._sent_at = now
            self._held = set()
        else:
            self._held = changed & self._paced
            self._flush_later()
        self._write(update, changed - self._held, list(self._missed))

    def _flush_later(self) -> None:
        """Send held topics at the end of the interval; in the foreground an update comes then."""
        if self._in_background and self._held and self._timer is None:
            due = self._sent_at + self._interval
            self._timer = asyncio.get_running_loop().call_at(due, self._flush)

    def _flush(self) -> None:
        self._timer = None
        update = self._subscription.current()
        if update is not None and self._held:
            self._receive(update)

    def _write(self, update: Update, changed: set[str], connections: Iterable[Connection]) -> None:
        frames: dict[frozenset[str], bytes] = {}
        for connection in connections:
            missed = self._missed.get(connection)
            if missed is None:  # it left during this loop
                continue
            topics = frozenset(changed | missed)
            if not topics:
                continue
            if topics not in frames:
                frames[topics] = self._encode(update, topics)
            if write_or_skip(frames[topics], connection):
                missed.clear()
            else:
                missed |= changed

    def _encode(self, update: Update, topics: frozenset[str]) -> bytes:
        readings = {name: update.readings[name] for name in sorted(topics)}
        return text_frame(encode_readings(readings, self._now(), self._clock().wall))

    @staticmethod
    def _now() -> Seconds:
        return Seconds(asyncio.get_running_loop().time())


class TopicBroadcaster:
    """The clients of `deskwire.v1` and their subscriptions."""

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self._groups: dict[Wish, Group] = {}
        self._wishes: dict[Connection, Wish] = {}

    def subscribe(
        self, connection: Connection, topics: Iterable[str], interval: Seconds
    ) -> Seconds:
        """Replace a client's subscription; no topics end it. Return the interval in use."""
        interval = max(interval, self._publisher.interval)
        before = self._wishes.pop(connection, None)
        wish = Wish(frozenset(topics), interval)
        if wish.topics:
            if wish not in self._groups:
                self._groups[wish] = Group(self._publisher, wish, self._clock)
            self._wishes[connection] = wish
        if before is not None and before != wish:
            self._remove(connection, before)
        if wish.topics:
            self._groups[wish].add(connection)
        return interval

    def leave(self, connection: Connection) -> None:
        """End a client's subscription, if it has one."""
        if wish := self._wishes.pop(connection, None):
            self._remove(connection, wish)

    def _remove(self, connection: Connection, wish: Wish) -> None:
        group = self._groups[wish]
        group.remove(connection)
        if not group:
            del self._groups[wish]
            group.close()
