"""Simulation of a desk: the readings of a scenario at any time. It has no clock and no I/O."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from deskwire.devices.backlight import SetBacklight
from deskwire.devices.catalogue import DEVICES, device_class
from deskwire.devices.session import Lock, PowerCommand, SessionState
from deskwire.devices.volume import ChangeVolume, MuteVolume, SetVolume
from deskwire.model.commands import Command, PlayerCommand
from deskwire.model.problems import (
    DeviceUnavailable,
    Malformed,
    PlayerTimeout,
    UnknownPlayer,
)
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import encode_snapshot, snapshot_of
from deskwire.simulator.scenario import CANNOT, BadScenario, Scenario, ScenarioStep
from deskwire.simulator.simulated_player import SimulatedPlayer

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
        self._muted = False
        self._scripted: dict[str, Any] = {}
        """Readings of topics that `stats` does not have."""
        self._players: dict[str, SimulatedPlayer] = {}
        self._apply(scenario.stats, now, "stats")
        self._scripted.update(parse_readings(scenario.readings, "readings"))

    @property
    def next(self) -> Seconds | None:
        """Time of the next step, CLOCK_MONOTONIC; `None` after the last one."""
        return Seconds(self._began + self._then[0].at) if self._then else None

    def snapshot(self, now: Seconds) -> Snapshot:
        """Return the snapshot at `now`."""
        snapshot = snapshot_of({**self._stats, "audio": []}, now)
        stats = msgspec.json.decode(encode_snapshot(snapshot, now))
        self._apply_drift(stats, int(now - self._began))
        snapshot = snapshot_of(stats, now)
        volume = snapshot.volume and msgspec.structs.replace(snapshot.volume, muted=self._muted)
        players = tuple(each.player for each in self._players.values())
        return msgspec.structs.replace(snapshot, players=players, volume=volume)

    def readings(self, now: Seconds) -> dict[str, Any]:
        """Return the readings of all topics at `now`."""
        absent = {name: device_class(name).topic.empty for name in DEVICES}
        snapshot = self.snapshot(now)
        shown = {name: getattr(snapshot, name) for name in Snapshot.__struct_fields__}
        return absent | self._scripted | shown

    def tick(self, now: Seconds) -> None:
        """Apply the steps that are due; raises `BadScenario`."""
        while self.next is not None and self.next <= now:
            self._apply_step(self._then.pop(0), now)
        for player in self._players.values():
            player.tick(now)

    def hangs(self, command: PlayerCommand) -> bool:
        """Return whether the scenario lets this player hang; raises `UnknownPlayer`."""
        self._find(command)
        return self._scenario.cannot.get(command.player) == PlayerTimeout.code

    def perform(self, command: Command, now: Seconds) -> None:
        """Carry out a command.

        Raises `UnknownPlayer`, `DeviceUnavailable` or the problem that the scenario sets.
        """
        if isinstance(command, PlayerCommand):
            self._perform(command, now)
        elif isinstance(command, Lock):
            self._scripted["session"] = SessionState(locked=True, idle=Seconds(0.0))
        elif not isinstance(command, PowerCommand):
            self._set_level(command)

    def _set_level(self, command: Command) -> None:
        key = command.name.partition(".")[0]
        if key not in self._stats:
            raise DeviceUnavailable(f"this desk has no {key}")
        now = self._stats[key]
        match command:
            case MuteVolume(muted):
                self._muted = muted
            case SetVolume(level):
                self._stats[key] = round(min(100, max(0, level)))
            case ChangeVolume(by) if by < 0 or now < 100:
                self._stats[key] = round(min(100, max(0, now + by)))
            case SetBacklight(level):
                self._stats[key] = max(1, round(level))

    def _perform(self, command: PlayerCommand, now: Seconds) -> None:
        player = self._find(command)
        code = self._scenario.cannot.get(command.player)
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
            places = (self._stats, self._players, self._scripted)
            if not any(name in place for place in places):
                raise BadScenario(f"{where}: {name!r} does not exist")
            for place in places:
                place.pop(name, None)
        self._apply(then.stats, now, where)
        self._scripted.update(parse_readings(then.readings, where))

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


def parse_readings(readings: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return readings as a device publishes them; raises `BadScenario`, which says where."""
    parsed = {}
    for name, reading in readings.items():
        if name in Snapshot.__struct_fields__ or name not in DEVICES:
            raise BadScenario(f"{where}: {name}: expected a topic that stats does not have")
        try:
            parsed[name] = msgspec.convert(reading, device_class(name).topic.reading)
        except msgspec.ValidationError as problem:
            raise BadScenario(f"{where}: {name}: {problem}") from None
    return parsed


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
