"""Deadlines of all sessions: one heap and one timer.

Sessions keep their deadlines on CLOCK_BOOTTIME, which counts suspend. The event loop's timers do
not. So the timer runs at most until the next full second, when the daemon wakes anyway, and then
compares the deadlines with the clock. Without a session there is no timer.
"""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from deskwire.model.instant import Clock, Instant
from deskwire.model.units import Seconds

Tick = Callable[[Instant], None]

MAX_SLEEP = Seconds(1)


class Deadlines:
    """Calls each `Tick` once, at its deadline."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Tick]] = []
        self._latest: dict[Tick, int] = {}
        """Number of each tick's valid heap entry; older entries are ignored."""
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, tick: Tick, when: Seconds) -> None:
        """Call `tick` at `when` on CLOCK_BOOTTIME; replaces its earlier deadline."""
        number = next(self._numbers)
        self._latest[tick] = number
        heapq.heappush(self._heap, (when, number, tick))
        self._start_timer()

    def remove(self, tick: Tick) -> None:
        """Remove the deadline of `tick`, if it has one."""
        self._latest.pop(tick, None)
        if len(self._heap) > 2 * len(self._latest):
            self._heap = [entry for entry in self._heap if self._latest.get(entry[2]) == entry[1]]
            heapq.heapify(self._heap)
        if not self._latest:
            self._stop_timer()

    def _start_timer(self) -> None:
        self._stop_timer()
        if not self._latest:
            return
        loop = asyncio.get_running_loop()
        left = self._heap[0][0] - self._clock().boot
        now = loop.time()
        until_full_second = (now // MAX_SLEEP + 1) * MAX_SLEEP - now
        self._timer = loop.call_later(max(0.0, min(left, until_full_second)), self._wake)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._timer = None
        now = self._clock()
        while self._heap and self._heap[0][0] <= now.boot:
            _, number, tick = heapq.heappop(self._heap)
            if self._latest.get(tick) != number:
                continue
            del self._latest[tick]
            tick(now)
        self._start_timer()
