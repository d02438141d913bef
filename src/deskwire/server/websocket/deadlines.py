"""When each session wants to be told the time: one heap, one timer.

Sessions hold their deadlines on CLOCK_BOOTTIME, which goes on in suspend; the event loop's timers
stand still in it. So the timer never sleeps longer than a second, on the beat that everything else
wakes on, and asks the clock itself. Nobody there, no timer.
"""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from deskwire.model.instant import Clock, Instant
from deskwire.model.units import Seconds

Tick = Callable[[Instant], None]
"""Told the time; asks again by `set` if it wants to be told again."""

LONGEST_SLEEP = Seconds(1)


class Deadlines:
    """Tells each `Tick` the time when it asked for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Tick]] = []
        self._live: dict[Tick, int] = {}
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, tick: Tick, when: Seconds) -> None:
        """Tell `tick` the time at `when`; replaces what was set for it before."""
        order = next(self._order)
        self._live[tick] = order
        heapq.heappush(self._heap, (when, order, tick))
        self._arm()

    def drop(self, tick: Tick) -> None:
        """Tell it nothing more."""
        self._live.pop(tick, None)
        if len(self._heap) > 2 * len(self._live):
            self._heap = [entry for entry in self._heap if self._live.get(entry[2]) == entry[1]]
            heapq.heapify(self._heap)
        if not self._live:
            self._disarm()

    def _arm(self) -> None:
        self._disarm()
        if not self._live:
            return
        loop = asyncio.get_running_loop()
        left = self._heap[0][0] - self._clock().boot
        now = loop.time()
        beat = (now // LONGEST_SLEEP + 1) * LONGEST_SLEEP - now
        self._timer = loop.call_later(max(0.0, min(left, beat)), self._wake)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._timer = None
        now = self._clock()
        while self._heap and self._heap[0][0] <= now.boot:
            _, order, tick = heapq.heappop(self._heap)
            if self._live.get(tick) != order:
                continue
            del self._live[tick]
            tick(now)
        self._arm()
