"""A scene being played: how the desk is at a moment. No clock of its own, no socket, no loop."""

import math
from typing import Any

import msgspec

from deskwire.model.commands import PlayerCommand
from deskwire.model.problems import Malformed, UnknownPlayer
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import encode_snapshot, snapshot_of
from deskwire.simulator.scenario import CANNOT, BadScenario, Scenario, Then
from deskwire.simulator.simulated_player import ScenePlayer

NESTED = {"rx_bytes": "network", "tx_bytes": "network"}
"""Numbers that may move and do not stand at the top."""


class Stage:
    """One desk; `now` is CLOCK_MONOTONIC throughout."""

    def __init__(self, scenario: Scenario, now: Seconds) -> None:
        """Begin; raises `BadScenario`."""
        self._scenario = scenario
        self._began = now
        self._then = sorted(scenario.then, key=lambda then: then.at)
        self._stats: dict[str, Any] = {}
        self._players: dict[str, ScenePlayer] = {}
        self._lay(scenario.stats, now, "stats")

    @property
    def next(self) -> Seconds | None:
        """When something is different, on CLOCK_MONOTONIC; `None` when that was all."""
        return Seconds(self._began + self._then[0].at) if self._then else None

    def snapshot(self, now: Seconds) -> Snapshot:
        """How the desk is."""
        snapshot = snapshot_of({**self._stats, "audio": []}, now)
        stats = msgspec.json.decode(encode_snapshot(snapshot, now))
        self._move(stats, int(now - self._began))
        players = tuple(each.player for each in self._players.values())
        return msgspec.structs.replace(snapshot_of(stats, now), players=players)

    def tick(self, now: Seconds) -> None:
        """Let happen what was due until now; raises `BadScenario`."""
        while self.next is not None and self.next <= now:
            self._do(self._then.pop(0), now)
        for player in self._players.values():
            player.tick(now)

    def refusal(self, command: PlayerCommand) -> str | None:
        """Return the code with which the scene has this command refused.

        Raises `UnknownPlayer`.
        """
        self._find(command)
        return self._scenario.cannot.get(command.player)

    def obey(self, command: PlayerCommand, now: Seconds) -> None:
        """Do it; raises `UnknownPlayer`, or the player's own problem."""
        player = self._find(command)
        code = self.refusal(command)
        if code is not None:
            raise CANNOT[code](f"the scene says {code}")
        player.obey(command, now)

    def _find(self, command: PlayerCommand) -> ScenePlayer:
        player = self._players.get(command.player)
        if player is None:
            raise UnknownPlayer("no such player")
        return player

    def _do(self, then: Then, now: Seconds) -> None:
        where = f"then, at {then.at:g}"
        for name in then.gone:
            if name not in self._stats and name not in self._players:
                raise BadScenario(f"{where}: {name!r} is gone already, or was never there")
            self._stats.pop(name, None)
            self._players.pop(name, None)
        self._lay(then.stats, now, where)

    def _lay(self, stats: dict[str, Any], now: Seconds, where: str) -> None:
        laid = merged(self._stats, {key: stats[key] for key in stats if key != "audio"})
        try:
            read = snapshot_of({**laid, "audio": []}, now)
            for wire in players_of(stats):
                self._lay_player(wire, now)
        except Malformed as problem:
            raise BadScenario(f"{where}: {problem}") from None
        unknown = laid.keys() - msgspec.json.decode(encode_snapshot(read, now)).keys()
        if unknown:
            raise BadScenario(f"{where}: {', '.join(sorted(unknown))}: no such key")
        self._stats = laid

    def _lay_player(self, wire: dict[str, Any], now: Seconds) -> None:
        player = self._players.get(wire["id"])
        if player is None:
            tracks = self._scenario.tracks.get(wire["id"], ())
            self._players[wire["id"]] = ScenePlayer(wire, tracks, now)
        else:
            player.change(wire, now)

    def _move(self, stats: dict[str, Any], since: int) -> None:
        """Move the numbers that move by themselves; what is absent stays so."""
        if "uptime" in stats:
            stats["uptime"] += since
        for key, move in self._scenario.moves.items():
            place = stats.get(NESTED[key], {}) if key in NESTED else stats
            if key not in place:
                continue
            turn = math.sin(2 * math.pi * since / move.every)
            moved = place[key] + move.each_second * since + move.swing * turn
            place[key] = type(place[key])(max(0.0, moved))


def players_of(stats: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of `audio`; raises `Malformed`."""
    audio = stats.get("audio", [])
    if not isinstance(audio, list) or not all(isinstance(each, dict) for each in audio):
        raise Malformed("audio is a list of players")
    if not all(isinstance(each.get("id"), str) for each in audio):
        raise Malformed("a player without an id")
    return audio


def merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay one table over another; tables in them likewise."""
    whole = dict(under)
    for key, value in over.items():
        beneath = whole.get(key)
        if isinstance(beneath, dict) and isinstance(value, dict):
            whole[key] = merged(beneath, value)
        else:
            whole[key] = value
    return whole


def rehearse(scenario: Scenario, name: str) -> None:
    """Go through a whole scene at once; raises `BadScenario`, which begins with `name`."""
    try:
        stage = Stage(scenario, Seconds(0))
        while stage.next is not None:
            stage.tick(stage.next)
            stage.snapshot(stage.next or Seconds(0))
    except BadScenario as problem:
        raise BadScenario(f"{name}: {problem}") from None
