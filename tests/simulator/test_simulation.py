from typing import Any

import pytest

from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import NotSupported, PlayerError, PlayerTimeout, Problem, UnknownPlayer
from deskwire.model.readings import Cpu, Network, Player, PlayerId, Uptime, Wifi
from deskwire.model.units import Bytes, Percent, Seconds
from deskwire.simulator.scenario import Scenario, parse
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


def send(simulation: Simulation, name: str, command: type[PlayerCommand], seconds: float) -> None:
    simulation.perform(command(PlayerId(name)), at(simulation, seconds))


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
