"""Where a player is in its track, by what it last said and the time since.

Positions are read seldom and extrapolated (`model.snapshot.Position`); what a player says counts as
a jump only when it is not about where it should be by now.
"""

from deskwire.model.readings import Position
from deskwire.model.units import Seconds

ABOUT = Seconds(0.1)
"""Players round, and messages take their time: less than this is no jump."""


class Playhead:
    """A position, unknown at first, and the rate it moves at while playing."""

    def __init__(self) -> None:
        self.position: Position | None = None
        self.rate = 1.0
        """Track seconds a second while playing, kept over pauses."""

    def reached(self, now: Seconds, duration: Seconds | None) -> Seconds | None:
        """Return where it is at `now`, on CLOCK_MONOTONIC."""
        return None if self.position is None else self.position.reached(now, duration)

    def is_elsewhere(self, at: Seconds, now: Seconds, duration: Seconds | None) -> bool:
        """Whether being `at` there now would be a jump."""
        reached = self.reached(now, duration)
        return reached is None or abs(at - reached) > ABOUT

    def move_to(self, at: Seconds | None, now: Seconds, *, playing: bool) -> None:
        """Have it be there now, and go on from there if it plays; `None` is nobody knows where."""
        speed = self.rate if playing else 0.0
        self.position = None if at is None else Position(at, now, speed)
