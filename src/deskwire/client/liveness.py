"""Whether the other end is still there: asked when it is silent, given up when it stays so.

A desk speaks every second or so, but how often is its own setting; so silence is answered by a
ping, and only an unanswered one counts. The clock goes on while this machine sleeps
(CLOCK_BOOTTIME): after an hour of sleep nobody is asked, the desk gave up long ago.
"""

from enum import Enum

from deskwire.client.timeouts import Pace
from deskwire.model.units import Seconds


class Look(Enum):
    """What a look at the clock says."""

    FINE = "fine"
    ASK = "ask"
    """Ping now."""
    DEAD = "dead"
    """Drop it."""


class Liveness:
    """One socket's silence."""

    def __init__(self, pace: Pace, now: Seconds) -> None:
        self._pace = pace
        self._heard = now
        self._asked: Seconds | None = None

    def heard(self, now: Seconds) -> None:
        """Something came: it is there."""
        self._heard = now
        self._asked = None

    def silent(self, now: Seconds) -> Seconds:
        """How long nothing has come."""
        return Seconds(now - self._heard)

    def look(self, now: Seconds) -> Look:
        """Judge the silence; `now` never goes back."""
        silent = self.silent(now)
        if silent >= self._pace.gone:
            return Look.DEAD
        if self._asked is not None:
            return Look.DEAD if now - self._asked >= self._pace.answer else Look.FINE
        if silent < self._pace.quiet:
            return Look.FINE
        self._asked = now
        return Look.ASK
