"""A log that whoever knocks at the door cannot fill.

The first few lines of a kind are written as they come; what else comes within a minute is one line
at its end, with how many they were and the last of them.
"""

import asyncio
import logging

from deskwire.model.units import Seconds

AT_ONCE = 32
"""So that somebody who guesses is seen with each guess: nobody has as many tries."""
WITHIN = Seconds(60)


class RateLimitedLogger:
    """Writes one kind of line."""

    def __init__(self, log: logging.Logger, level: int) -> None:
        self._log = log
        self._level = level
        self._written = 0
        self._kept_back = 0
        self._last = ""
        self._minute: asyncio.TimerHandle | None = None

    def write(self, line: str) -> None:
        """Write it, now or counted with others."""
        if self._minute is None:
            self._minute = asyncio.get_running_loop().call_later(WITHIN, self.flush)
        if self._written < AT_ONCE:
            self._written += 1
            self._log.log(self._level, "%s", line)
        else:
            self._kept_back += 1
            self._last = line

    def flush(self) -> None:
        """End the minute."""
        if self._minute is not None:
            self._minute.cancel()
            self._minute = None
        if self._kept_back:
            count, self._kept_back = self._kept_back, 0
            self._log.log(
                self._level, "%d more within %g s, the last: %s", count, WITHIN, self._last
            )
        self._written = 0
