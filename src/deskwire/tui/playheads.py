"""Where each player is in its track, moving smoothly.

`stats` says whole seconds, cut off: each says only that the player is between that second and the
next. What moves by itself in between stays as it is while it agrees, is nudged to the nearest
moment that does when it is a little off, and jumps when somebody sought.
"""

from deskwire.model.readings import Player, PlayerId, Position, Snapshot
from deskwire.model.units import Seconds

A_LITTLE = 1.0
WITHIN_THE_SECOND = 0.999


class Playheads:
    """Takes snapshots, gives positions."""

    def __init__(self) -> None:
        self._heads: dict[PlayerId, tuple[str, Position]] = {}

    def take(self, snapshot: Snapshot) -> None:
        """Take a snapshot."""
        heads: dict[PlayerId, tuple[str, Position]] = {}
        for player in snapshot.players:
            if player.position is not None:
                title, before = self._heads.get(player.id, ("", None))
                same = before if title == player.title else None
                heads[player.id] = (player.title, reconcile(same, player.position))
        self._heads = heads

    def reached(self, player: Player, now: Seconds) -> Seconds | None:
        """Return where a player is at `now` (CLOCK_MONOTONIC), `None` where nobody knows."""
        if player.position is None:
            return None
        _, head = self._heads.get(player.id, ("", player.position))
        return head.reached(now, player.duration)


def reconcile(before: Position | None, told: Position) -> Position:
    """Return the position that agrees with what was told and moves the least."""
    if before is None:
        return told
    expected = before.reached(told.read, None)
    if not told.at - A_LITTLE <= expected < told.at + 1 + A_LITTLE:
        return told
    at = min(max(expected, told.at), told.at + WITHIN_THE_SECOND)
    return Position(Seconds(at), told.read, told.rate)
