"""One player of a scene: what it plays, where in the track it is, and what else it has.

It is kept as the wire tells of it; the position is kept beside it, with when it was read, as of
any player. A track that ends leads to the next one, or stops there if there is none.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import NotSupported
from deskwire.model.readings import Player, Position
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import snapshot_of

TRACK = ("artist", "title", "album", "art_url", "duration")
"""The keys that another track replaces, or takes away."""
FALLBACK = {"artist": "", "title": ""}


class ScenePlayer:
    """A player that obeys; `now` is CLOCK_MONOTONIC throughout."""

    def __init__(
        self, wire: dict[str, Any], tracks: Sequence[dict[str, Any]], now: Seconds
    ) -> None:
        """Raises `Malformed` where `wire` is not what an entry of `audio` may be."""
        first = {key: wire[key] for key in TRACK if key in wire}
        self._tracks = [first, *tracks]
        self._playing = 0
        self._wire = wire
        self._player = self._read(wire, now)

    @property
    def player(self) -> Player:
        """How it is; the same object until it changes."""
        return self._player

    def change(self, wire: dict[str, Any], now: Seconds) -> None:
        """Lay these keys over it; raises `Malformed`."""
        whole = {**self._wire, **self._position(now), **wire}
        self._player = self._read(whole, now)
        self._wire = whole

    def obey(self, command: PlayerCommand, now: Seconds) -> None:
        """Carry out a command; raises `NotSupported`."""
        match command:
            case PlayPause():
                self.change({"playing": not self._player.playing}, now)
            case Stop():
                back = {"timestamp": 0} if self._player.position else {}
                self.change({"playing": False, **back}, now)
            case Next():
                self._step(1, now)
            case Previous():
                self._step(-1, now)

    def tick(self, now: Seconds) -> None:
        """Go on to the next track if this one is over."""
        player = self._player
        if player.position is None or player.duration is None or not player.playing:
            return
        if player.position.reached(now, None) < player.duration:
            return
        if len(self._tracks) > 1:
            self._step(1, now)
        else:
            self.change({"playing": False}, now)

    def _step(self, by: int, now: Seconds) -> None:
        if len(self._tracks) == 1:
            raise NotSupported("this player has nothing else to play")
        self._playing = (self._playing + by) % len(self._tracks)
        kept = {key: value for key, value in self._wire.items() if key not in TRACK}
        whole = {**kept, **FALLBACK, **self._tracks[self._playing], "timestamp": 0}
        self._player = self._read(whole, now)
        self._wire = whole

    def _position(self, now: Seconds) -> dict[str, float]:
        player = self._player
        if player.position is None:
            return {}
        return {"timestamp": player.position.reached(now, player.duration)}

    @staticmethod
    def _read(wire: dict[str, Any], now: Seconds) -> Player:
        whole = {key: value for key, value in wire.items() if key != "timestamp"}
        (player,) = snapshot_of({"audio": [whole]}, now).players
        if "timestamp" not in wire:
            return player
        at = Seconds(float(wire["timestamp"]))
        position = Position(at, now, 1.0 if player.playing else 0.0)
        return msgspec.structs.replace(player, position=position)
