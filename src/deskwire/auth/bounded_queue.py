"""One after another, in the order they came, and not more than a few who wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deskwire.model.problems import Throttled
from deskwire.model.units import Seconds

MOST_WAITING = 64
RETRY_AFTER = Seconds(3.0)
"""About what a full queue takes."""


class Turns:
    """A queue for one counter.

    Log-ins take turns from the throttle's check until they are judged, so that many right ones at
    once all pass while many wrong ones at once are throttled as one after another would be. It
    costs nothing: passwords are hashed one at a time anyway.
    """

    def __init__(self, *, most_waiting: int = MOST_WAITING) -> None:
        self._most = most_waiting
        self._waiting = 0
        self._counter = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, and have it; raises `Throttled` when too many wait already."""
        if self._waiting >= self._most:
            raise Throttled("too many people are logging in at once", RETRY_AFTER)
        self._waiting += 1
        try:
            async with self._counter:
                yield
        finally:
            self._waiting -= 1
