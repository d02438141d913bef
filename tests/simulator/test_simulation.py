from typing import Any

import pytest

from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import NotSupported, PlayerError, PlayerTimeout, Problem, UnknownPlayer
from deskwire.model.readings import Cpu, Network, Player, PlayerId, Uptime, Wifi
from deskwire.model.units import Bytes, Percent, Seconds
from deskwire.simulator.scenario import Scenario, parse
from deskwire.simulator.simulation import Simulation

BEGAN = Seconds(500)
SCENE = """
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
def stage() -> Simulation:
    return Simulation(parse(SCENE), BEGAN)


def at(stage: Simulation, seconds: float) -> Seconds:
    now = Seconds(BEGAN + seconds)
    stage.tick(now)
    return now


def player(stage: Simulation, name: str, seconds: float) -> Player:
    return next(each for each in stage.snapshot(at(stage, seconds)).players if each.id == name)


def tap(stage: Simulation, name: str, command: type[PlayerCommand], seconds: float) -> None:
    stage.perform(command(PlayerId(name)), at(stage, seconds))


def where(told: Player, seconds: float) -> float | None:
    if told.position is None:
        return None
    return told.position.reached(Seconds(BEGAN + seconds), told.duration)


def test_what_happens_happens_at_its_time(stage: Simulation) -> None:
    assert stage.next == BEGAN + 3
    assert len(stage.snapshot(at(stage, 2.9)).players) == 3
    assert [each.id for each in stage.snapshot(at(stage, 3)).players] == ["player1", "player3"]
    assert stage.snapshot(at(stage, 7)).wifi == Wifi("", connected=False)
    late = stage.snapshot(at(stage, 9))
    assert late.volume is None
    assert [(each.id, each.playing) for each in late.players] == [
        ("player1", False), ("player3", True), ("player9", False),
    ]  # fmt: skip
    assert stage.next is None


def test_numbers_move_by_themselves(stage: Simulation) -> None:
    first, later = stage.snapshot(at(stage, 0)), stage.snapshot(at(stage, 10.7))

    assert (first.uptime, later.uptime) == (Uptime(Seconds(60)), Uptime(Seconds(70)))
    assert later.network == Network(Bytes(2000), Bytes(10))
    assert later.cpu == Cpu(Percent(25.0))


def test_a_player_goes_on_while_it_plays(stage: Simulation) -> None:
    assert where(player(stage, "player1", 0), 0) == 10
    assert where(player(stage, "player1", 2), 2) == 12
    assert where(player(stage, "player2", 2), 2) == 100
    assert where(player(stage, "player3", 2), 2) is None


def test_a_tap_pauses_it_and_another_sets_it_going(stage: Simulation) -> None:
    tap(stage, "player1", PlayPause, 1)
    assert (player(stage, "player1", 2).playing, where(player(stage, "player1", 2), 2)) == (
        False,
        11,
    )

    tap(stage, "player1", PlayPause, 2.5)
    assert where(player(stage, "player1", 2.75), 2.75) == 11.25


def test_a_track_leads_to_the_next_and_round_again(stage: Simulation) -> None:
    tap(stage, "player1", Next, 1)
    second = player(stage, "player1", 2)
    tap(stage, "player1", Previous, 2)
    first = player(stage, "player1", 2)

    assert [second.title, second.album, second.duration, where(second, 2)] == ["Two", None, 40, 1]
    assert [first.title, first.album, first.duration, where(first, 2)] == ["One", "Both", 30, 0]


def test_a_track_that_ends_leads_to_the_next() -> None:
    stage = Simulation(parse(SCENE.partition("[[then]]")[0]), BEGAN)

    assert player(stage, "player1", 20.5).title == "Two"


def test_a_film_that_ends_stops_there() -> None:
    stage = Simulation(parse(SCENE.partition("[[then]]")[0]), BEGAN)
    tap(stage, "player2", PlayPause, 0)

    film = player(stage, "player2", 2901)

    assert (film.playing, where(film, 2901)) == (False, 3000)


def test_stop_goes_back_to_the_beginning(stage: Simulation) -> None:
    tap(stage, "player1", Stop, 2)

    stopped = player(stage, "player1", 2)
    assert (stopped.playing, where(stopped, 2)) == (False, 0)


@pytest.mark.parametrize(
    ("name", "command", "problem"),
    [
        ("player7", Stop, UnknownPlayer),
        ("player2", Next, NotSupported),
        ("player3", Stop, PlayerTimeout),
    ],
)
def test_what_a_player_cannot_is_refused(
    stage: Simulation, name: str, command: type[PlayerCommand], problem: type[Problem]
) -> None:
    with pytest.raises(problem):
        tap(stage, name, command, 1)


def test_a_player_errs_where_the_scene_says_so() -> None:
    audio: list[dict[str, Any]] = [
        {"id": "player1", "name": "x", "playing": True, "artist": "", "title": "x"}
    ]
    scenario = Scenario({"audio": audio}, cannot={"player1": "player_error"})

    with pytest.raises(PlayerError):
        tap(Simulation(scenario, BEGAN), "player1", Stop, 1)


def test_players_stay_the_same_objects_while_nothing_happens_to_them(stage: Simulation) -> None:
    assert player(stage, "player1", 1) is player(stage, "player1", 2)
