"""Playback position, extrapolated from the last value that the player reported.

A reported position counts as a jump only if it differs from the extrapolated one
(`model.readings.Position`).
"""

from deskwire.model.readings import Position
from deskwire.model.units import Seconds

JUMP_THRESHOLD = Seconds(0.1)
"""Players round, and messages are delayed: a smaller difference is not a jump."""


class Playhead:
    """A position, initially unknown, and the playback rate."""

    def __init__(self) -> None:
        self.position: Position | None = None
        self.rate = 1.0
        """Track seconds per second while playing; pauses do not change it."""

    def reached(self, now: Seconds, duration: Seconds | None) -> Seconds | None:
        """Return the position at `now` (CLOCK_MONOTONIC), or `None` if unknown."""
        return None if self.position is None else self.position.reached(now, duration)

    def is_jump(self, at: Seconds, now: Seconds, duration: Seconds | None) -> bool:
        """Return whether the reported position `at` is a jump."""
        reached = self.reached(now, duration)
        return reached is None or abs(at - reached) > JUMP_THRESHOLD

    def move_to(self, at: Seconds | None, now: Seconds, *, playing: bool) -> None:
        """Set the position at `now`; `None` means unknown. It advances while playing."""
        speed = self.rate if playing else 0.0
        self.position = None if at is None else Position(at, now, speed)
