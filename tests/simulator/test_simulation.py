from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import Struct

from deskwire.devices.backlight import SetBacklight
from deskwire.devices.catalogue import DEVICES, device_class
from deskwire.devices.mpris.commands import (
    Pause,
    Play,
    Seek,
    SetLoop,
    SetPlayerVolume,
    SetRate,
    SetShuffle,
)
from deskwire.devices.session import Lock, PowerOff, Suspend
from deskwire.devices.volume import ChangeVolume, MuteVolume, SetVolume
from deskwire.model.commands import Command, Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import (
    DeviceUnavailable,
    Malformed,
    NotSupported,
    PlayerError,
    PlayerTimeout,
    Problem,
    TrackChanged,
    UnknownPlayer,
)
from deskwire.model.readings import Backlight, Cpu, Network, Player, PlayerId, Uptime, Volume, Wifi
from deskwire.model.topics import Topic
from deskwire.model.units import Bytes, Percent, Seconds
from deskwire.simulator.scenario import BadScenario, Scenario, parse
from deskwire.simulator.simulation import Simulation

BEGAN = Seconds(500)
SCENARIO = """
[stats]
cpu_absolute = 20.0
network = { rx_bytes = 1000, tx_bytes = 10 }
uptime = 60
wifi = { ssid = "Home", connected = true }
volume = 50

[[stats.audio]]
id = "player1"
name = "mpv"
playing = true
artist = "Ann"
title = "One"
album = "Both"
timestamp = 10
duration = 30

[[stats.audio]]
id = "player2"
name = "Firefox"
playing = false
artist = ""
title = "A film"
timestamp = 100
duration = 3000

[[stats.audio]]
id = "player3"
name = "VLC"
playing = true
artist = ""
title = "A radio"

[[tracks.player1]]
artist = "Ann"
title = "Two"
duration = 40

[cannot]
player3 = "player_timeout"

[moves]
rx_bytes = { each_second = 100 }
cpu_absolute = { swing = 5, every = 40 }

[[then]]
at = 7
stats = { wifi = { connected = false, ssid = "" }, volume = 60 }

[[then]]
at = 3
gone = ["player2"]

[[then]]
at = 9
gone = ["volume"]

[[then.stats.audio]]
id = "player1"
playing = false

[[then.stats.audio]]
id = "player9"
name = "new"
playing = false
artist = ""
title = "x"
"""


@pytest.fixture
def simulation() -> Simulation:
    return Simulation(parse(SCENARIO), BEGAN)


def at(simulation: Simulation, seconds: float) -> Seconds:
    now = Seconds(BEGAN + seconds)
    simulation.tick(now)
    return now


def player(simulation: Simulation, name: str, seconds: float) -> Player:
    return next(
        each for each in simulation.snapshot(at(simulation, seconds)).players if each.id == name
    )


def send(
    simulation: Simulation,
    name: str,
    command: type[PlayerCommand],
    seconds: float,
    **arguments: Any,
) -> None:
    simulation.perform(command(PlayerId(name), **arguments), at(simulation, seconds))


def where(shown: Player, seconds: float) -> float | None:
    if shown.position is None:
        return None
    return shown.position.reached(Seconds(BEGAN + seconds), shown.duration)


def test_steps_apply_at_their_time(simulation: Simulation) -> None:
    assert simulation.next == BEGAN + 3
    assert len(simulation.snapshot(at(simulation, 2.9)).players) == 3
    assert [each.id for each in simulation.snapshot(at(simulation, 3)).players] == [
        "player1",
        "player3",
    ]
    assert simulation.snapshot(at(simulation, 7)).wifi == Wifi("", connected=False)
    late = simulation.snapshot(at(simulation, 9))
    assert late.volume is None
    assert [(each.id, each.playing) for each in late.players] == [
        ("player1", False), ("player3", True), ("player9", False),
    ]  # fmt: skip
    assert simulation.next is None


def test_numbers_move_by_themselves(simulation: Simulation) -> None:
    first, later = simulation.snapshot(at(simulation, 0)), simulation.snapshot(at(simulation, 10.7))

    assert (first.uptime, later.uptime) == (Uptime(Seconds(60)), Uptime(Seconds(70)))
    assert later.network == Network(Bytes(2000), Bytes(10))
    assert later.cpu == Cpu(Percent(25.0))


def test_position_advances_while_playing(simulation: Simulation) -> None:
    assert where(player(simulation, "player1", 0), 0) == 10
    assert where(player(simulation, "player1", 2), 2) == 12
    assert where(player(simulation, "player2", 2), 2) == 100
    assert where(player(simulation, "player3", 2), 2) is None


def test_play_pause_pauses_and_resumes(simulation: Simulation) -> None:
    send(simulation, "player1", PlayPause, 1)
    assert (
        player(simulation, "player1", 2).playing,
        where(player(simulation, "player1", 2), 2),
    ) == (
        False,
        11,
    )

    send(simulation, "player1", PlayPause, 2.5)
    assert where(player(simulation, "player1", 2.75), 2.75) == 11.25


def test_a_track_leads_to_the_next_and_round_again(simulation: Simulation) -> None:
    send(simulation, "player1", Next, 1)
    second = player(simulation, "player1", 2)
    send(simulation, "player1", Previous, 2)
    first = player(simulation, "player1", 2)

    assert [second.title, second.album, second.duration, where(second, 2)] == ["Two", None, 40, 1]
    assert [first.title, first.album, first.duration, where(first, 2)] == ["One", "Both", 30, 0]


def test_a_track_that_ends_leads_to_the_next() -> None:
    simulation = Simulation(parse(SCENARIO.partition("[[then]]")[0]), BEGAN)

    assert player(simulation, "player1", 20.5).title == "Two"


def test_a_film_that_ends_stops_there() -> None:
    simulation = Simulation(parse(SCENARIO.partition("[[then]]")[0]), BEGAN)
    send(simulation, "player2", PlayPause, 0)

    film = player(simulation, "player2", 2901)

    assert (film.playing, where(film, 2901)) == (False, 3000)


def test_stop_goes_back_to_the_beginning(simulation: Simulation) -> None:
    send(simulation, "player1", Stop, 2)

    stopped = player(simulation, "player1", 2)
    assert (stopped.playing, where(stopped, 2)) == (False, 0)


@pytest.mark.parametrize(
    ("name", "command", "problem"),
    [
        ("player7", Stop, UnknownPlayer),
        ("player2", Next, NotSupported),
        ("player3", Stop, PlayerTimeout),
    ],
)
def test_unsupported_command_is_refused(
    simulation: Simulation, name: str, command: type[PlayerCommand], problem: type[Problem]
) -> None:
    with pytest.raises(problem):
        send(simulation, name, command, 1)


def test_player_fails_as_the_scenario_says() -> None:
    audio: list[dict[str, Any]] = [
        {"id": "player1", "name": "x", "playing": True, "artist": "", "title": "x"}
    ]
    scenario = Scenario({"audio": audio}, cannot={"player1": "player_error"})

    with pytest.raises(PlayerError):
        send(Simulation(scenario, BEGAN), "player1", Stop, 1)


def test_unchanged_players_stay_the_same_objects(
    simulation: Simulation,
) -> None:
    assert player(simulation, "player1", 1) is player(simulation, "player1", 2)


def test_player_tells_what_it_can_do(simulation: Simulation) -> None:
    song, film, radio = simulation.snapshot(at(simulation, 0)).players

    assert [each.can_next for each in (song, film, radio)] == [True, False, False]
    assert [each.can_seek for each in (song, film, radio)] == [True, True, False]
    assert [each.status for each in (song, film, radio)] == ["playing", "paused", "playing"]


@pytest.mark.parametrize(
    ("arguments", "reached"),
    [({"position": 5.5}, 5.5), ({"position": 99.0}, 30), ({"position": -1.0}, 0),
     ({"by": 5.0}, 15), ({"by": -60.0}, 0), ({"by": 60.0}, 30)],
)  # fmt: skip
def test_seek_stays_within_the_track(
    simulation: Simulation, arguments: dict[str, float], reached: float
) -> None:
    send(simulation, "player1", Pause, 0)
    send(simulation, "player1", Seek, 1, **arguments)

    assert where(player(simulation, "player1", 1), 1) == reached


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("player1", {}, Malformed),
        ("player1", {"position": 1.0, "by": 1.0}, Malformed),
        ("player1", {"position": 1.0, "track": "another"}, TrackChanged),
        ("player4", {"position": 1.0}, NotSupported),
    ],
)
def test_impossible_seek_is_refused(
    name: str, arguments: dict[str, Any], problem: type[Problem]
) -> None:
    radio = '[[stats.audio]]\nid = "player4"\nname = "x"\nplaying = true\nartist = ""\ntitle = "x"'
    simulation = Simulation(parse(SCENARIO.partition("[[tracks")[0] + radio), BEGAN)
    before = player(simulation, "player1", 0)
    with pytest.raises(problem):
        send(simulation, name, Seek, 0, **arguments)

    assert player(simulation, "player1", 0) == before


def test_seek_in_the_named_track_is_carried_out(simulation: Simulation) -> None:
    track = player(simulation, "player1", 1).track
    send(simulation, "player1", Seek, 1, position=20.0, track=track)

    assert where(player(simulation, "player1", 2), 2) == 21


@pytest.mark.parametrize(
    ("command", "argument", "mode", "value"),
    [
        (SetShuffle, "on", "shuffle", True),
        (SetLoop, "mode", "loop", "track"),
        (SetRate, "rate", "rate", 2.0),
        (SetPlayerVolume, "level", "volume", 30.0),
    ],
)
def test_mode_is_changed_and_stays_with_the_next_track(
    simulation: Simulation, command: type[PlayerCommand], argument: str, mode: str, value: Any
) -> None:
    send(simulation, "player1", command, 1, **{argument: value})
    send(simulation, "player1", Next, 2)

    assert getattr(player(simulation, "player1", 2), mode) == value


def test_rate_moves_the_position(simulation: Simulation) -> None:
    send(simulation, "player1", SetRate, 1, rate=2.0)

    assert where(player(simulation, "player1", 3), 3) == 15


def test_repeated_track_starts_again_at_its_end() -> None:
    simulation = Simulation(parse(SCENARIO.partition("[[then]]")[0]), BEGAN)
    send(simulation, "player1", SetLoop, 1, mode="track")
    again = player(simulation, "player1", 20)

    assert (again.title, where(again, 21)) == ("One", 1)


def test_play_and_pause_have_no_effect_twice(simulation: Simulation) -> None:
    for command, status in ((Pause, "paused"), (Play, "playing"), (Stop, "stopped")):
        for _ in range(2):
            send(simulation, "player1", command, 1)
            assert player(simulation, "player1", 1).status == status
    send(simulation, "player1", PlayPause, 1)
    assert player(simulation, "player1", 1).status == "playing"


@pytest.mark.parametrize(
    ("command", "level"),
    [(SetVolume(Percent(30.0)), 30), (SetVolume(Percent(300.0)), 100), (ChangeVolume(5.0), 55),
     (ChangeVolume(-99.0), 0), (ChangeVolume(99.0), 100)],
)  # fmt: skip
def test_volume_is_set_within_its_bounds(
    simulation: Simulation, command: Command, level: int
) -> None:
    simulation.perform(command, at(simulation, 0))

    assert simulation.snapshot(at(simulation, 0)).volume == Volume(Percent(float(level)))


def test_brightness_is_set_and_never_black() -> None:
    with_panel = Simulation(parse("[stats]\nbacklight = 64\n"), BEGAN)
    for level, shown in ((30.0, 30), (0.0, 1), (100.0, 100)):
        with_panel.perform(SetBacklight(Percent(level)), BEGAN)
        assert with_panel.snapshot(BEGAN).backlight == Backlight(Percent(float(shown)))


def test_brightness_of_a_desk_without_a_panel_is_unavailable(simulation: Simulation) -> None:
    with pytest.raises(DeviceUnavailable):
        simulation.perform(SetBacklight(Percent(30.0)), BEGAN)


def test_muted_output_keeps_its_level(simulation: Simulation) -> None:
    simulation.perform(MuteVolume(muted=True), at(simulation, 0))
    assert simulation.snapshot(at(simulation, 0)).volume == Volume(Percent(50.0), muted=True)

    simulation.perform(MuteVolume(muted=False), at(simulation, 0))
    assert simulation.snapshot(at(simulation, 0)).volume == Volume(Percent(50.0))


@pytest.mark.parametrize(("level", "shown"), [(40.0, 40), (0.0, 1)])
def test_panel_never_goes_dark(level: float, shown: int) -> None:
    simulation = Simulation(parse("[stats]\nbacklight = 64"), BEGAN)
    simulation.perform(SetBacklight(Percent(level)), BEGAN)

    assert simulation.snapshot(BEGAN).backlight == Backlight(Percent(float(shown)))


@pytest.mark.parametrize("command", [SetVolume(Percent(10.0)), SetBacklight(Percent(10.0))])
def test_level_of_absent_hardware_is_unavailable(command: Command) -> None:
    with pytest.raises(DeviceUnavailable):
        Simulation(parse("[stats]"), BEGAN).perform(command, BEGAN)


def test_lock_command_locks_the_session_and_power_commands_change_nothing(
    simulation: Simulation,
) -> None:
    for command in (Suspend(), PowerOff()):
        simulation.perform(command, at(simulation, 0))
    assert simulation.readings(at(simulation, 0))["session"] is None

    simulation.perform(Lock(), at(simulation, 0))
    assert simulation.readings(at(simulation, 0))["session"].locked


class Lamp(Struct, frozen=True):
    """A lamp."""

    lit: bool


@pytest.fixture
def _lamp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a topic that `stats` does not have."""
    device = SimpleNamespace(topic=Topic("lamp", Lamp))
    monkeypatch.setitem(DEVICES, "lamp", "LampDevice")
    monkeypatch.setattr(
        "deskwire.simulator.simulation.device_class",
        lambda name: device if name == "lamp" else device_class(name),
    )


@pytest.mark.usefixtures("_lamp")
def test_topic_outside_of_stats_is_scripted() -> None:
    script = """
[stats]
[readings.lamp]
lit = false
[[then]]
at = 2
readings = { lamp = { lit = true } }
[[then]]
at = 4
gone = ["lamp"]
"""
    simulation = Simulation(parse(script), BEGAN)
    seen = [simulation.readings(at(simulation, seconds))["lamp"] for seconds in (0, 2, 4)]

    assert seen == [Lamp(lit=False), Lamp(lit=True), None]


@pytest.mark.usefixtures("_lamp")
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("[readings]\nlamp = 3", "readings: lamp: Expected `object`, got `int`"),
        ("[readings]\nlamp = { lit = 3 }", "readings: lamp: Expected `bool`"),
        ("[readings]\nmoon = { lit = true }", "readings: moon: expected a topic"),
        ("[readings]\ncpu = { busy = 3 }", "readings: cpu: expected a topic that stats"),
    ],
)
def test_impossible_reading_is_refused(script: str, why: str) -> None:
    with pytest.raises(BadScenario, match=why):
        Simulation(parse(f"[stats]\n{script}"), BEGAN)
