"""Player ids: `player<N>`, with N from a counter that never repeats.

An id belongs to a bus connection. It moves to another connection in two cases, both within one
process: a player drops its name and takes it again within 2 s (browsers do this between tabs), or
a player with two connections closes one of them.

Unique bus names start again when the bus restarts. If the bus has a new identity, all ids are
forgotten; the counter goes on.
"""

from collections.abc import Collection, Iterable

from msgspec import Struct

from deskwire.model.readings import PlayerId
from deskwire.model.units import Seconds

RECLAIM_TIME = Seconds(2.0)

Process = int | str
"""A process id, or the unique bus name if the process is unknown."""


class _ReleasedId(Struct, frozen=True):
    player: PlayerId
    at: Seconds


class PlayerIds:
    """The counter and the assigned ids. It outlives each watch of the bus."""

    def __init__(self) -> None:
        self.bus = ""
        """Identity of the bus to which the owners are connected."""
        self._count = 0
        self._by_owner: dict[str, PlayerId] = {}
        self._released: dict[tuple[str, Process], _ReleasedId] = {}

    def reset(self, bus: str, owners: Collection[str]) -> None:
        """Forget all connections but `owners`, the player connections to the bus `bus`."""
        if bus != self.bus:
            self.bus = bus
            self._by_owner.clear()
            self._released.clear()
        for owner in self._by_owner.keys() - set(owners):
            del self._by_owner[owner]

    def of(self, owner: str) -> PlayerId | None:
        """Return the id of a connection, or `None`."""
        return self._by_owner.get(owner)

    def owner(self, player: PlayerId) -> str | None:
        """Return the connection that has this id, or `None`."""
        return next((owner for owner, its in self._by_owner.items() if its == player), None)

    def assign(
        self, owner: str, names: Iterable[str], process: Process, connected_at: Seconds
    ) -> PlayerId:
        """Return the connection's id: its present id, the id it released, or a new one."""
        player = self._by_owner.get(owner) or self._reclaimed(names, process, connected_at)
        if player is None:
            self._count += 1
            player = PlayerId(f"player{self._count}")
        self._by_owner[owner] = player
        return player

    def release(self, owner: str, names: Iterable[str], process: Process, now: Seconds) -> None:
        """Release the id of a connection that has no player name any more; it may be reclaimed."""
        self._expire_released(now)
        player = self._by_owner.pop(owner, None)
        if player is not None:
            for name in names:
                self._released[name, process] = _ReleasedId(player, now)

    def transfer(self, owner: str, to: str) -> None:
        """Transfer the id of one connection to another of the same player that has none."""
        if owner in self._by_owner and to not in self._by_owner:
            self._by_owner[to] = self._by_owner.pop(owner)

    def _reclaimed(
        self, names: Iterable[str], process: Process, connected_at: Seconds
    ) -> PlayerId | None:
        self._expire_released(connected_at)
        for name in names:
            left = self._released.get((name, process))
            if left is not None:
                self._released = {
                    k: v for k, v in self._released.items() if v.player != left.player
                }
                return left.player
        return None

    def _expire_released(self, now: Seconds) -> None:
        if self._released:
            since = now - RECLAIM_TIME
            self._released = {k: v for k, v in self._released.items() if v.at >= since}
