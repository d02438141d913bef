"""Simulation of a desk: the readings of a scenario at any time. It has no clock and no I/O.

`SimulatedPlayer` stores its state in the form of the wire, and its position with the time of the
read. At the end of a track it plays the next one, or stops if there is none.
"""

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import Malformed, NotSupported, UnknownPlayer
from deskwire.model.readings import Player, Position, Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import encode_snapshot, snapshot_of
from deskwire.simulator.scenario import CANNOT, BadScenario, Scenario, ScenarioStep

TRACK = ("artist", "title", "album", "art_url", "duration")
"""Keys that a change of track replaces or removes."""
FALLBACK = {"artist": "", "title": ""}


class SimulatedPlayer:
    """A player that carries out commands; `now` is always CLOCK_MONOTONIC."""

    def __init__(
        self, wire: dict[str, Any], tracks: Sequence[dict[str, Any]], now: Seconds
    ) -> None:
        """Raises `Malformed` if `wire` is not a valid entry of `audio`."""
        first = {key: wire[key] for key in TRACK if key in wire}
        self._tracks = [first, *tracks]
        self._playing = 0
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
        """Start the next track if the present one has ended."""
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

    @staticmethod
    def _read(wire: dict[str, Any], now: Seconds) -> Player:
        whole = {key: value for key, value in wire.items() if key != "timestamp"}
        (player,) = snapshot_of({"audio": [whole]}, now).players
        if "timestamp" not in wire:
            return player
        at = Seconds(float(wire["timestamp"]))
        position = Position(at, now, 1.0 if player.playing else 0.0)
        return msgspec.structs.replace(player, position=position)


NESTED = {"rx_bytes": "network", "tx_bytes": "network"}
"""Keys of numbers that are nested in another table."""


class Simulation:
    """One simulated desk; `now` is always CLOCK_MONOTONIC."""

    def __init__(self, scenario: Scenario, now: Seconds) -> None:
        """Start the scenario; raises `BadScenario`."""
        self._scenario = scenario
        self._began = now
        self._then = sorted(scenario.then, key=lambda then: then.at)
        self._stats: dict[str, Any] = {}
        self._players: dict[str, SimulatedPlayer] = {}
        self._apply(scenario.stats, now, "stats")

    @property
    def next(self) -> Seconds | None:
        """Time of the next step, CLOCK_MONOTONIC; `None` after the last one."""
        return Seconds(self._began + self._then[0].at) if self._then else None

    def snapshot(self, now: Seconds) -> Snapshot:
        """Return the snapshot at `now`."""
        snapshot = snapshot_of({**self._stats, "audio": []}, now)
        stats = msgspec.json.decode(encode_snapshot(snapshot, now))
        self._apply_drift(stats, int(now - self._began))
        players = tuple(each.player for each in self._players.values())
        return msgspec.structs.replace(snapshot_of(stats, now), players=players)

    def tick(self, now: Seconds) -> None:
        """Apply the steps that are due; raises `BadScenario`."""
        while self.next is not None and self.next <= now:
            self._apply_step(self._then.pop(0), now)
        for player in self._players.values():
            player.tick(now)

    def error_code(self, command: PlayerCommand) -> str | None:
        """Return the error code that the scenario sets for this command, or `None`.

        Raises `UnknownPlayer`.
        """
        self._find(command)
        return self._scenario.cannot.get(command.player)

    def perform(self, command: PlayerCommand, now: Seconds) -> None:
        """Carry out a command; raises `UnknownPlayer` or the problem that the scenario sets."""
        player = self._find(command)
        code = self.error_code(command)
        if code is not None:
            raise CANNOT[code](f"the scenario sets {code} for this player")
        player.perform(command, now)

    def _find(self, command: PlayerCommand) -> SimulatedPlayer:
        player = self._players.get(command.player)
        if player is None:
            raise UnknownPlayer(f"unknown player: {command.player}")
        return player

    def _apply_step(self, then: ScenarioStep, now: Seconds) -> None:
        where = f"then, at {then.at:g}"
        for name in then.gone:
            if name not in self._stats and name not in self._players:
                raise BadScenario(f"{where}: {name!r} does not exist")
            self._stats.pop(name, None)
            self._players.pop(name, None)
        self._apply(then.stats, now, where)

    def _apply(self, stats: dict[str, Any], now: Seconds, where: str) -> None:
        stats_now = merge_tables(self._stats, {key: stats[key] for key in stats if key != "audio"})
        try:
            read = snapshot_of({**stats_now, "audio": []}, now)
            for wire in parse_players(stats):
                self._apply_player(wire, now)
        except Malformed as problem:
            raise BadScenario(f"{where}: {problem}") from None
        unknown = stats_now.keys() - msgspec.json.decode(encode_snapshot(read, now)).keys()
        if unknown:
            raise BadScenario(f"{where}: {', '.join(sorted(unknown))}: unknown key")
        self._stats = stats_now

    def _apply_player(self, wire: dict[str, Any], now: Seconds) -> None:
        player = self._players.get(wire["id"])
        if player is None:
            tracks = self._scenario.tracks.get(wire["id"], ())
            self._players[wire["id"]] = SimulatedPlayer(wire, tracks, now)
        else:
            player.change(wire, now)

    def _apply_drift(self, stats: dict[str, Any], since: int) -> None:
        """Change the numbers that drift over time; absent numbers stay absent."""
        if "uptime" in stats:
            stats["uptime"] += since
        for key, move in self._scenario.moves.items():
            place = stats.get(NESTED[key], {}) if key in NESTED else stats
            if key not in place:
                continue
            turn = math.sin(2 * math.pi * since / move.every)
            moved = place[key] + move.each_second * since + move.swing * turn
            place[key] = type(place[key])(max(0.0, moved))


def parse_players(stats: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of `audio`; raises `Malformed` if they are not players."""
    audio = stats.get("audio", [])
    if not isinstance(audio, list) or not all(isinstance(each, dict) for each in audio):
        raise Malformed("audio must be a list of players")
    if not all(isinstance(each.get("id"), str) for each in audio):
        raise Malformed("a player has no id")
    return audio


def merge_tables(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `under` with the keys of `over`, recursively."""
    whole = dict(under)
    for key, value in over.items():
        before = whole.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            whole[key] = merge_tables(before, value)
        else:
            whole[key] = value
    return whole


def validate(scenario: Scenario, name: str) -> None:
    """Run a whole scenario at once; raises `BadScenario`, whose message starts with `name`."""
    try:
        simulation = Simulation(scenario, Seconds(0))
        while simulation.next is not None:
            simulation.tick(simulation.next)
            simulation.snapshot(simulation.next or Seconds(0))
    except BadScenario as problem:
        raise BadScenario(f"{name}: {problem}") from None
