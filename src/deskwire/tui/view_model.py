"""View model: everything that the display shows at one moment."""

from msgspec import Struct

from deskwire.client.desk_state import ConnectionState, Phase
from deskwire.model.instant import Instant
from deskwire.model.readings import Player, PlayerId, Position, Snapshot
from deskwire.model.units import Seconds
from deskwire.tui.cover import Cover
from deskwire.tui.graphics import TerminalGraphics
from deskwire.tui.readings import Trends

SEEK_TOLERANCE = 1.0
"""Seconds outside the reported second, above which the user has sought."""
END_OF_SECOND = 0.999


class Playheads:
    """Positions of all players, which move smoothly between snapshots.

    `stats` reports whole seconds, rounded down: the player is somewhere in that second. A running
    position is kept while it agrees, moved to the nearest moment that agrees if it is slightly off,
    and replaced after a seek.
    """

    def __init__(self) -> None:
        self._positions: dict[PlayerId, tuple[str, Position]] = {}

    def update(self, snapshot: Snapshot) -> None:
        """Use the positions of a new snapshot."""
        positions: dict[PlayerId, tuple[str, Position]] = {}
        for player in snapshot.players:
            if player.position is not None:
                title, before = self._positions.get(player.id, ("", None))
                running = before if title == player.title else None
                positions[player.id] = (player.title, reconcile(running, player.position))
        self._positions = positions

    def position(self, player: Player, now: Seconds) -> Seconds | None:
        """Return a player's position at `now` (CLOCK_MONOTONIC), `None` if unknown."""
        if player.position is None:
            return None
        _, position = self._positions.get(player.id, ("", player.position))
        return position.reached(now, player.duration)


def reconcile(running: Position | None, reported: Position) -> Position:
    """Return the position nearest to the running one that agrees with the reported one."""
    if running is None:
        return reported
    expected = running.reached(reported.read, None)
    if not reported.at - SEEK_TOLERANCE <= expected < reported.at + 1 + SEEK_TOLERANCE:
        return reported
    at = min(max(expected, reported.at), reported.at + END_OF_SECOND)
    return Position(Seconds(at), reported.read, reported.rate)


class ViewModel(Struct, frozen=True, kw_only=True):
    """Values for one frame."""

    address: str
    snapshot: Snapshot
    state: ConnectionState
    trends: Trends
    playheads: Playheads
    selected: int = 0
    """Index of the selected player, 0 without players."""
    cover: Cover | None = None
    """Cover of the selected player."""
    graphics: TerminalGraphics = TerminalGraphics()
    notice: str = ""
    prompt: str = ""
    """Open prompt. It replaces the notice and changes the keys."""
    monotonic: Seconds
    """CLOCK_MONOTONIC for the players. It stands still while the desk is disconnected."""
    now: Instant

    @property
    def stale(self) -> bool:
        """Whether this is the last known state instead of the present one."""
        return self.state.phase not in {Phase.LIVE, Phase.EXPIRING}
