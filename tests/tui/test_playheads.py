from itertools import pairwise

import pytest

from deskwire.model.readings import Player, Position, Snapshot
from deskwire.model.units import Seconds
from deskwire.tui.playheads import Playheads, reconcile
from tests.tui.scenes import player


def told(at: float, read: float, rate: float = 1.0) -> Position:
    return Position(Seconds(at), Seconds(read), rate)


@pytest.mark.parametrize(
    ("before", "now", "at"),
    [
        (None, told(10, 0), 10.0),
        (told(10.5, 0), told(11, 1), 11.5),
        (told(10.2, 0), told(11, 0.7), 11.0),
        (told(10.9, 0), told(11, 1.2), 11.999),
        (told(10, 0), told(100, 1), 100.0),
        (told(100, 0), told(3, 1), 3.0),
        (told(10.7, 0, 0.0), told(10, 5), 10.7),
    ],
    ids=["first", "agrees", "nudged on", "held back", "sought on", "sought back", "resumed"],
)
def test_a_position_moves_no_more_than_what_is_told_asks(
    before: Position | None, now: Position, at: float
) -> None:
    assert reconcile(before, now).reached(now.read, None) == pytest.approx(at)


def test_it_never_steps_back_while_it_plays_steadily() -> None:
    heads, seen = Playheads(), []
    for tick in range(80):
        now = tick / 10
        if tick % 7 == 0:
            heads.take(Snapshot(players=(playing(int(now + 3.45), now),)))
        reached = heads.reached(playing(0, now), Seconds(now))
        assert reached is not None
        seen.append(reached)

    assert all(later >= sooner for sooner, later in pairwise(seen))


def test_another_track_begins_where_it_is_told_to() -> None:
    heads = Playheads()
    heads.take(Snapshot(players=(player(1, title="one", position=told(10.9, 0)),)))
    second = player(1, title="two", position=told(10, 0))
    heads.take(Snapshot(players=(second,)))

    assert heads.reached(second, Seconds(0)) == 10.0


def playing(at: int, now: float) -> Player:
    return player(1, playing=True, position=told(at, now))
