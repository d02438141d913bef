"""Player of a simulated desk: its track, its position and its modes at any time.

It stores its state in the form of the wire, and its position with the time of the read. The wire's
`stats` has no modes, so they are stored beside it. At the end of a track it plays the next one, or
stops if there is none.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from deskwire.devices.mpris.commands import (
    Pause,
    Play,
    Seek,
    SetLoop,
    SetPlayerVolume,
    SetRate,
    SetShuffle,
)
from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import Malformed, NotSupported, TrackChanged
from deskwire.model.readings import Player, Position
from deskwire.model.units import Percent, Seconds
from deskwire.protocol.base.stats import snapshot_of

TRACK = ("artist", "title", "album", "art_url", "duration")
"""Keys that a change of track replaces or removes."""
FALLBACK = {"artist": "", "title": ""}


MODES: dict[type[PlayerCommand], tuple[str, str]] = {
    SetShuffle: ("shuffle", "on"),
    SetLoop: ("loop", "mode"),
    SetRate: ("rate", "rate"),
    SetPlayerVolume: ("volume", "level"),
}
"""Mode and argument of the commands that set a mode."""


class PlayerModes(Struct, frozen=True):
    """Modes of a player that its commands change."""

    shuffle: bool = False
    loop: str = "none"
    rate: float = 1.0
    volume: Percent = Percent(100.0)


class SimulatedPlayer:
    """A player that carries out commands; `now` is always CLOCK_MONOTONIC."""

    def __init__(
        self, wire: dict[str, Any], tracks: Sequence[dict[str, Any]], now: Seconds
    ) -> None:
        """Raises `Malformed` if `wire` is not a valid entry of `audio`."""
        first = {key: wire[key] for key in TRACK if key in wire}
        self._tracks = [first, *tracks]
        self._playing = 0
        self._stopped = False
        self._modes = PlayerModes()
        self._wire = wire
        self._player = self._read(wire, now)

    @property
    def player(self) -> Player:
        """Present reading; the same object until it changes."""
        return self._player

    def change(self, wire: dict[str, Any], now: Seconds) -> None:
        """Change these keys; raises `Malformed`."""
        whole = {**self._wire, **self._position(now), **wire}
        self._player = self._read(whole, now)
        self._wire = whole

    def perform(self, command: PlayerCommand, now: Seconds) -> None:
        """Carry out a command; raises `NotSupported`, `Malformed` and `TrackChanged`."""
        match command:
            case PlayPause():
                self._play(not self._player.playing, now)
            case Play():
                self._play(True, now)
            case Pause():
                self._play(False, now)
            case Stop():
                self._stopped = True
                back = {"timestamp": 0} if self._player.position else {}
                self.change({"playing": False, **back}, now)
            case Next():
                self._step(1, now)
            case Previous():
                self._step(-1, now)
            case Seek():
                self.change({"timestamp": self._target(command, now)}, now)
            case _ if type(command) in MODES:
                mode, argument = MODES[type(command)]
                wanted = {mode: getattr(command, argument)}
                self._modes = msgspec.structs.replace(self._modes, **wanted)
                self.change({}, now)

    def tick(self, now: Seconds) -> None:
        """Start the next track if the present one has ended."""
        player = self._player
        if player.position is None or player.duration is None or not player.playing:
            return
        if player.position.reached(now, None) < player.duration:
            return
        if self._modes.loop == "track":
            self.change({"timestamp": 0}, now)
        elif len(self._tracks) > 1:
            self._step(1, now)
        else:
            self.change({"playing": False}, now)

    def _play(self, playing: bool, now: Seconds) -> None:
        self._stopped = False
        self.change({"playing": playing}, now)

    def _target(self, command: Seek, now: Seconds) -> float:
        """Return the position to seek to."""
        if (command.position is None) == (command.by is None):
            raise Malformed("players.seek needs either position or by")
        player = self._player
        if command.track is not None and command.track != player.track:
            raise TrackChanged(f"{command.player} plays another track now")
        if player.position is None:
            raise NotSupported(f"{command.player} cannot seek")
        reached = player.position.reached(now, player.duration)
        target = reached + command.by if command.by is not None else command.position or 0.0
        return max(0.0, target if player.duration is None else min(target, player.duration))

    def _step(self, by: int, now: Seconds) -> None:
        if len(self._tracks) == 1:
            raise NotSupported("this player has no other track")
        self._playing = (self._playing + by) % len(self._tracks)
        unchanged = {key: value for key, value in self._wire.items() if key not in TRACK}
        whole = {**unchanged, **FALLBACK, **self._tracks[self._playing], "timestamp": 0}
        self._player = self._read(whole, now)
        self._wire = whole

    def _position(self, now: Seconds) -> dict[str, float]:
        player = self._player
        if player.position is None:
            return {}
        return {"timestamp": player.position.reached(now, player.duration)}

    def _read(self, wire: dict[str, Any], now: Seconds) -> Player:
        whole = {key: value for key, value in wire.items() if key != "timestamp"}
        (player,) = snapshot_of({"audio": [whole]}, now).players
        modes, position = self._modes, None
        if "timestamp" in wire:
            at = Seconds(float(wire["timestamp"]))
            position = Position(at, now, modes.rate if player.playing else 0.0)
        paused = "stopped" if self._stopped else "paused"
        return msgspec.structs.replace(
            player,
            position=position,
            status="playing" if player.playing else paused,
            track=f"{self._playing} {player.title}",
            can_play=True,
            can_pause=True,
            can_next=len(self._tracks) > 1,
            can_previous=len(self._tracks) > 1,
            can_seek=position is not None,
            **msgspec.structs.asdict(modes),
        )
