"""Deadlines of all sessions, on one timer.

Sessions keep their deadlines on CLOCK_BOOTTIME, which counts suspend. The event loop's timers do
not. So the timer runs at most until the next full second, when the daemon wakes anyway, and then
compares the deadlines with the clock. Without a session there is no timer.
"""

import asyncio
from collections.abc import Callable

from deskwire.model.instant import Clock, Instant
from deskwire.model.units import Seconds

Tick = Callable[[Instant], None]

MAX_SLEEP = Seconds(1)


class Deadlines:
    """Calls each `Tick` once, at its deadline."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[Tick, Seconds] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = 0.0
        """Loop time of the timer."""

    def set(self, tick: Tick, when: Seconds) -> None:
        """Call `tick` at `when` on CLOCK_BOOTTIME; replaces its earlier deadline."""
        self._due[tick] = when
        self._sleep_until(when)

    def remove(self, tick: Tick) -> None:
        """Remove the deadline of `tick`, if it has one."""
        self._due.pop(tick, None)
        if not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sleep_until(self, when: Seconds) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        full_second = (now // MAX_SLEEP + 1) * MAX_SLEEP
        at = max(now, min(now + when - self._clock().boot, full_second))
        if self._timer is None or at < self._wakes_at:
            if self._timer is not None:
                self._timer.cancel()
            self._wakes_at = at
            self._timer = loop.call_at(at, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now = self._clock()
        for tick in [tick for tick, when in self._due.items() if when <= now.boot]:
            if self._due.get(tick, now.boot + 1) <= now.boot:
                del self._due[tick]
                tick(now)
        if self._due:
            self._sleep_until(min(self._due.values()))
