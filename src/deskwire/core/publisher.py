"""Where readings become frames: who watches, and when the next frame is due.

    nobody watches ──subscribe──▶ gathering ──every device has spoken, or 270 ms──▶ streaming
          ▲                                                                            │
          └──────────────────────────── last one leaves ───────────────────────────────┘

Who asks for a socket is about to watch: `expect` begins to gather then, so that what the desk has
is in hand by the time that somebody is there to be told. If nobody comes, the devices rest again.

Streaming, a frame goes out each `interval`, at the instants that polled devices read at: they are
woken first, and a turn of the event loop later all of them have read. What takes one of them longer
is in the next frame. So a desk that is watched and left alone wakes once an interval. A change of
any other device goes out at once, and what follows within 50 ms as one more frame. Nobody waits
here for anybody: a subscriber is a function that takes a frame.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from deskwire.core.store import Store
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.server.websocket.frame_cache import FrameCache

Subscriber = Callable[[bytes], None]

GATHERING = Seconds(0.27)
EXPECTED = Seconds(3.0)
BURST = Seconds(0.05)
AFTER_BEAT = Seconds(0.00001)
"""Timers that are due together run in this order: those of who reads, then ours."""


class Publisher:
    """The desk's present state, and those who are told of it."""

    def __init__(
        self, *, interval: Seconds, devices: Iterable[str], periodic: Iterable[str]
    ) -> None:
        """`devices` are the names a whole snapshot waits for; `periodic` those read on the beat."""
        self._interval = interval
        self._devices = frozenset(devices)
        self._periodic = frozenset(periodic)
        self._state = Store()
        self._frames = FrameCache(self._state)
        self._subscribers: list[Subscriber] = []
        self._awaited: set[str] = set()
        self._last_change = Seconds(float("-inf"))
        self._change: asyncio.Handle | None = None
        self._beat: asyncio.Handle | None = None
        self._expecting: asyncio.TimerHandle | None = None
        self.on_watched: Callable[[bool], None] = lambda _: None
        """Told when somebody begins to watch or is expected to, and when nobody does any more."""

    @property
    def snapshot(self) -> Snapshot:
        """How the desk is; empty while nobody watches or is expected to."""
        return self._state.snapshot

    def take(self, name: str, reading: Any) -> None:
        """Take a device's reading; `None` is absent hardware."""
        if not self._subscribers and self._expecting is None:
            return
        changed = self._state.take(name, reading)
        gathering = bool(self._awaited)
        self._awaited.discard(name)
        if not self._subscribers:
            return
        if gathering:
            if not self._awaited:
                self._begin()
        elif changed and name not in self._periodic:
            self._change_soon()

    def expect(self) -> None:
        """Begin to gather for somebody who is about to watch; for 3 s, if nobody comes."""
        if self._subscribers:
            return
        expecting = self._expecting
        self._expecting = asyncio.get_running_loop().call_later(EXPECTED, self._nobody_came)
        if expecting is None:
            self._wake()
        else:
            expecting.cancel()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Give `subscriber` every frame from now on, the first when there is a whole one."""
        self._subscribers.append(subscriber)
        if len(self._subscribers) > 1:
            return
        if self._expecting is None:
            self._wake()
        else:
            self._expecting.cancel()
            self._expecting = None
            if not self._awaited:
                self._begin()
        if self._beat is None:
            self._beat = asyncio.get_running_loop().call_later(GATHERING, self._begin)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Give it no more."""
        self._subscribers.remove(subscriber)
        if self._subscribers:
            return
        for handle in (self._beat, self._change):
            if handle is not None:
                handle.cancel()
        self._beat = self._change = None
        self._rest()

    def newest(self) -> bytes | None:
        """The newest whole frame; `None` while the first is gathered."""
        if self._awaited or not self._subscribers:
            return None
        return self._frames.newest(self._now())

    def _wake(self) -> None:
        self._awaited = set(self._devices)
        self.on_watched(True)

    def _rest(self) -> None:
        self._state.forget()
        self.on_watched(False)

    def _nobody_came(self) -> None:
        self._expecting = None
        self._rest()

    def _begin(self) -> None:
        self._awaited.clear()
        self._on_beat()

    def _on_instant(self) -> None:
        self._beat = asyncio.get_running_loop().call_soon(self._on_beat)

    def _on_beat(self) -> None:
        now = self._now()
        due = (now // self._interval + 1) * self._interval + AFTER_BEAT
        if self._beat is not None:
            self._beat.cancel()
        self._beat = asyncio.get_running_loop().call_at(due, self._on_instant)
        self._publish()  # last: whatever a subscriber does, the next beat comes, or is cancelled

    def _change_soon(self) -> None:
        if self._change is not None:
            return
        loop = asyncio.get_running_loop()
        due = self._last_change + BURST
        if loop.time() >= due:
            self._change = loop.call_soon(self._on_change)
        else:
            self._change = loop.call_at(due, self._on_change)

    def _on_change(self) -> None:
        self._change = None
        self._last_change = self._now()
        self._publish()

    def _publish(self) -> None:
        frame = self._frames.newest(self._now())
        for subscriber in list(self._subscribers):
            subscriber(frame)

    @staticmethod
    def _now() -> Seconds:
        return Seconds(asyncio.get_running_loop().time())
