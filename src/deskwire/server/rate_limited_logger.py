"""Logger whose line rate an unauthenticated client cannot raise.

The first lines of a minute are written at once. The rest of the minute becomes one line with their
number and the last of them.
"""

import asyncio
import logging

from deskwire.model.units import Seconds

BURST = 32
"""More than the failed log-ins that the throttle allows in a minute, so each one is logged."""
INTERVAL = Seconds(60)


class RateLimitedLogger:
    """Writes lines of one kind."""

    def __init__(self, log: logging.Logger, level: int) -> None:
        self._log = log
        self._level = level
        self._written = 0
        self._suppressed = 0
        self._last = ""
        self._timer: asyncio.TimerHandle | None = None

    def write(self, line: str) -> None:
        """Write a line now, or count it for the summary."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(INTERVAL, self.flush)
        if self._written < BURST:
            self._written += 1
            self._log.log(self._level, "%s", line)
        else:
            self._suppressed += 1
            self._last = line

    def flush(self) -> None:
        """End the interval and write its summary, if any line was suppressed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._suppressed:
            count, self._suppressed = self._suppressed, 0
            self._log.log(
                self._level, "%d more within %g s, the last: %s", count, INTERVAL, self._last
            )
        self._written = 0
