"""The ticker: all that reads now and then does so at the same instants, woken by one timer.

The instants are the whole multiples of an interval on the event loop's clock. A timer for each who
waits would cost more than most readings do.
"""

import asyncio

from deskwire.model.units import Seconds

Waiting = asyncio.Future[None]


class Ticker:
    """One interval's instants. Nobody waits, no timer."""

    def __init__(self, every: Seconds) -> None:
        self.every = every
        self._waiting: list[Waiting] = []
        self._timer: asyncio.TimerHandle | None = None

    async def next(self) -> None:
        """Wait for the next instant."""
        waiting: Waiting = asyncio.get_running_loop().create_future()
        self.wake(waiting)
        try:
            await waiting
        finally:
            self.forget(waiting)

    def wake(self, waiting: Waiting) -> None:
        """Set the result of `waiting` at the next instant, if it has none by then."""
        self._waiting.append(waiting)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            due = (loop.time() // self.every + 1) * self.every
            self._timer = loop.call_at(due, self._strike)

    def forget(self, waiting: Waiting) -> None:
        """Wake it no more; one that was woken is fine."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _strike(self) -> None:
        self._timer = None
        woken, self._waiting = self._waiting, []
        for waiting in woken:
            if not waiting.done():
                waiting.set_result(None)


class ChangeFlag:
    """Flag for a possible change; any number of changes before a `wait()` count as one."""

    def __init__(self) -> None:
        self._set = False
        self._waiting: Waiting | None = None

    def set(self) -> None:
        """Set the flag and wake the waiter."""
        self._set = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self, ticker: Ticker | None) -> bool:
        """Wait for the flag or the next tick, clear the flag and return its previous value.

        With `None` no timer is set.
        """
        if not self._set:
            self._waiting = asyncio.get_running_loop().create_future()
            if ticker is not None:
                ticker.wake(self._waiting)
            try:
                await self._waiting
            finally:
                if ticker is not None:
                    ticker.forget(self._waiting)
                self._waiting = None
        was_set, self._set = self._set, False
        return was_set
