from itertools import pairwise

import pytest

from deskwire.model.readings import Player, Position, Snapshot
from deskwire.model.units import Seconds
from deskwire.tui.view_model import Playheads, reconcile
from tests.tui.views import player


def position(at: float, read: float, rate: float = 1.0) -> Position:
    return Position(Seconds(at), Seconds(read), rate)


@pytest.mark.parametrize(
    ("running", "reported", "at"),
    [
        (None, position(10, 0), 10.0),
        (position(10.5, 0), position(11, 1), 11.5),
        (position(10.2, 0), position(11, 0.7), 11.0),
        (position(10.9, 0), position(11, 1.2), 11.999),
        (position(10, 0), position(100, 1), 100.0),
        (position(100, 0), position(3, 1), 3.0),
        (position(10.7, 0, 0.0), position(10, 5), 10.7),
    ],
    ids=["first", "agrees", "moved on", "held back", "sought on", "sought back", "resumed"],
)
def test_reconciled_position_is_the_nearest_one_that_agrees(
    running: Position | None, reported: Position, at: float
) -> None:
    assert reconcile(running, reported).reached(reported.read, None) == pytest.approx(at)


def test_position_of_a_playing_player_never_steps_back() -> None:
    playheads, seen = Playheads(), []
    for tick in range(80):
        now = tick / 10
        if tick % 7 == 0:
            playheads.update(Snapshot(players=(playing(int(now + 3.45), now),)))
        reached = playheads.position(playing(0, now), Seconds(now))
        assert reached is not None
        seen.append(reached)

    assert all(later >= sooner for sooner, later in pairwise(seen))


def test_new_track_starts_at_its_reported_position() -> None:
    playheads = Playheads()
    playheads.update(Snapshot(players=(player(1, title="one", position=position(10.9, 0)),)))
    second = player(1, title="two", position=position(10, 0))
    playheads.update(Snapshot(players=(second,)))

    assert playheads.position(second, Seconds(0)) == 10.0


def playing(at: int, now: float) -> Player:
    return player(1, playing=True, position=position(at, now))
