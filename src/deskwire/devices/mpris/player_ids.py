"""Which player has which id: `player<N>`, N from a counter, never given to another.

An id belongs to a connection to the bus. Two things pass it on, both within one process: a player
that drops its name and takes it again within 2 s (browsers do, between tabs), and one that is on
the bus twice and leaves with one of its connections.

Unique names begin anew with each start of a bus, so what is known is forgotten when the bus has
another identity; the counter goes on.
"""

from collections.abc import Collection, Iterable

from msgspec import Struct

from deskwire.model.readings import PlayerId
from deskwire.model.units import Seconds

RETURNS_WITHIN = Seconds(2.0)

Process = int | str
"""A process id; where the bus tells none, the connection itself."""


class _Left(Struct, frozen=True):
    player: PlayerId
    at: Seconds


class PlayerIds:
    """The counter and who has what; outlives the watches."""

    def __init__(self) -> None:
        self.bus = ""
        """Identity of the bus that the owners below are connections of."""
        self._given = 0
        self._by_owner: dict[str, PlayerId] = {}
        self._left: dict[tuple[str, Process], _Left] = {}

    def begin(self, bus: str, owners: Collection[str]) -> None:
        """Forget who is not among `owners`, the players' connections to the bus `bus`."""
        if bus != self.bus:
            self.bus = bus
            self._by_owner.clear()
            self._left.clear()
        for owner in self._by_owner.keys() - set(owners):
            del self._by_owner[owner]

    def of(self, owner: str) -> PlayerId | None:
        """Return the id of a connection that has one."""
        return self._by_owner.get(owner)

    def owner(self, player: PlayerId) -> str | None:
        """Return the connection that has this id now."""
        return next((owner for owner, its in self._by_owner.items() if its == player), None)

    def give(self, owner: str, names: Iterable[str], process: Process, came: Seconds) -> PlayerId:
        """Return the connection's id: its own, or the one it had when it left, or a new one."""
        player = self._by_owner.get(owner) or self._returned(names, process, came)
        if player is None:
            self._given += 1
            player = PlayerId(f"player{self._given}")
        self._by_owner[owner] = player
        return player

    def leave(self, owner: str, names: Iterable[str], process: Process, now: Seconds) -> None:
        """Take the id from a connection that is no player any more; kept for its return."""
        self._forget_long_gone(now)
        player = self._by_owner.pop(owner, None)
        if player is not None:
            for name in names:
                self._left[name, process] = _Left(player, now)

    def pass_on(self, owner: str, to: str) -> None:
        """Give the id of one connection, if it has one, to another of the same player without."""
        if owner in self._by_owner and to not in self._by_owner:
            self._by_owner[to] = self._by_owner.pop(owner)

    def _returned(self, names: Iterable[str], process: Process, came: Seconds) -> PlayerId | None:
        self._forget_long_gone(came)
        for name in names:
            left = self._left.get((name, process))
            if left is not None:
                self._left = {k: v for k, v in self._left.items() if v.player != left.player}
                return left.player
        return None

    def _forget_long_gone(self, now: Seconds) -> None:
        if self._left:
            since = now - RETURNS_WITHIN
            self._left = {k: v for k, v in self._left.items() if v.at >= since}
