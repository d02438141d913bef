"""The beat: all that reads now and then does so at the same instants, woken by one timer.

The instants are the whole multiples of an interval on the event loop's clock. A timer for each who
waits would cost more than most readings do.
"""

import asyncio

from deskwire.model.units import Seconds

Waiting = asyncio.Future[None]


class Beat:
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


class News:
    """That something may have changed: said as often as it likes, heard once."""

    def __init__(self) -> None:
        self._said = False
        self._listening: Waiting | None = None

    def say(self) -> None:
        """Something may have changed."""
        self._said = True
        if self._listening is not None and not self._listening.done():
            self._listening.set_result(None)

    async def heard(self, beat: Beat | None) -> bool:
        """Wait until it is said, or until the next instant of `beat`; return whether it was.

        With `None` no timer is set.
        """
        if not self._said:
            self._listening = asyncio.get_running_loop().create_future()
            if beat is not None:
                beat.wake(self._listening)
            try:
                await self._listening
            finally:
                if beat is not None:
                    beat.forget(self._listening)
                self._listening = None
        said, self._said = self._said, False
        return said
