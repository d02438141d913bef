"""Ticker of the polled devices: one timer that wakes all of them at the same instants.

The instants are the whole multiples of an interval on the event loop's clock. A timer for each
device would cost more than most readings do.
"""

import asyncio

from deskwire.model.topics import BACKGROUND_INTERVAL, Demand
from deskwire.model.units import Seconds

Waiter = asyncio.Future[None]


class Ticker:
    """Wakes futures at the next multiple of an interval; without a waiter it sets no timer."""

    def __init__(self) -> None:
        self._due: dict[Waiter, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def wake(self, waiter: Waiter, interval: Seconds) -> None:
        """Set the result of `waiter` at the next instant, unless it is done by then."""
        loop = asyncio.get_running_loop()
        due = self._due[waiter] = (loop.time() // interval + 1) * interval
        if self._timer is None or due < self._timer.when():
            self._set_timer(due)

    def forget(self, waiter: Waiter) -> None:
        """Do not wake `waiter`, if it still waits."""
        self._due.pop(waiter, None)
        if not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(due, self._tick, due)

    def _tick(self, instant: float) -> None:
        self._timer = None
        for waiter in [each for each, due in self._due.items() if due <= instant]:
            del self._due[waiter]
            if not waiter.done():
                waiter.set_result(None)
        if self._due:
            self._set_timer(min(self._due.values()))


class Pace:
    """Pace of one device's polling: its own interval, or 10 s in the background if that is longer.

    A device that is demanded live again is woken at once.
    """

    def __init__(self, ticker: Ticker) -> None:
        self._ticker = ticker
        self._shortest = Seconds(0.0)
        self._waiters: set[Waiter] = set()

    def set_demand(self, demand: Demand) -> None:
        """Allow every interval if the demand is LIVE, else those of 10 s or more."""
        before = self._shortest
        self._shortest = BACKGROUND_INTERVAL if demand is Demand.BACKGROUND else Seconds(0.0)
        if self._shortest < before:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def tick(self, interval: Seconds) -> None:
        """Wait for the next instant of this interval."""
        await self.wait(asyncio.get_running_loop().create_future(), interval)

    async def wait(self, waiter: Waiter, interval: Seconds) -> None:
        """Wait for `waiter`, at most until the next instant."""
        self._waiters.add(waiter)
        self._ticker.wake(waiter, max(interval, self._shortest))
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
            self._ticker.forget(waiter)


class ChangeFlag:
    """Flag for a possible change; any number of changes before a `wait()` count as one."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: Waiter | None = None

    def set(self) -> None:
        """Set the flag and wake the waiter."""
        self._is_set = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self, pace: Pace, interval: Seconds | None) -> bool:
        """Wait for the flag or the next instant, clear the flag and return its previous value.

        With `None` as the interval no timer is set.
        """
        if not self._is_set:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                if interval is None:
                    await self._waiter
                else:
                    await pace.wait(self._waiter, interval)
            finally:
                self._waiter = None
        was_set, self._is_set = self._is_set, False
        return was_set
