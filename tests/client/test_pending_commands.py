import asyncio

import pytest

from deskwire.client.pending_commands import PendingCommands, has_effect
from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import NotSupported, UnknownPlayer
from deskwire.model.readings import Player, PlayerId, Position, Snapshot
from deskwire.model.units import Seconds

ONE, TWO = PlayerId("player1"), PlayerId("player2")
NOW = Seconds(100)


def player(
    id_: PlayerId = ONE,
    *,
    playing: bool = True,
    title: str = "The Reason",
    at: float | None = 60,
    read: float = 100,
) -> Player:
    position = None
    if at is not None:
        position = Position(Seconds(at), Seconds(read), 1.0 if playing else 0.0)
    return Player(
        id=id_,
        name="mpv",
        playing=playing,
        title=title,
        position=position,
        duration=Seconds(232),
    )


@pytest.mark.parametrize(
    ("command", "after", "seen"),
    [
        (PlayPause, player(playing=False), True),
        (PlayPause, player(), False),
        (PlayPause, player(title="Going Under"), False),
        (PlayPause, None, False),
        (Next, player(title="Going Under"), True),
        (Next, player(), False),
        (Next, player(playing=False), False),
        (Previous, player(at=0), True),
        (Previous, player(at=58), False),
        (Stop, player(playing=False), True),
        (Stop, player(at=None), True),
        (Stop, None, True),
        (Stop, player(), False),
    ],
)
def test_a_command_is_seen_when_its_player_obeyed(
    command: type[PlayerCommand], after: Player | None, seen: bool
) -> None:
    assert has_effect(command, player(), after, NOW) is seen


def test_a_player_that_plays_on_has_not_jumped() -> None:
    later = player(at=90, read=130)

    assert not has_effect(Previous, player(), later, Seconds(130))
    assert has_effect(Previous, player(), player(at=1, read=130), Seconds(130))


def test_effect_on_an_unknown_player_is_never_visible() -> None:
    assert not has_effect(PlayPause, None, player(), NOW)


async def test_visible_command_resolves_and_others_stay_pending() -> None:
    in_flight = PendingCommands()
    before = Snapshot(players=(player(ONE), player(TWO)))
    one = in_flight.add(PlayPause(ONE), before)
    two = in_flight.add(PlayPause(TWO), before)

    in_flight.show(Snapshot(players=(player(ONE), player(TWO, playing=False))), NOW)

    assert (one.answered.done(), two.answered.done()) == (False, True)
    assert len(in_flight) == 1


async def test_error_goes_to_the_oldest_pending_command() -> None:
    in_flight = PendingCommands()
    before = Snapshot(players=(player(ONE), player(TWO)))
    one = in_flight.add(Next(ONE), before)
    two = in_flight.add(Next(TWO), before)

    assert in_flight.refuse(NotSupported("it cannot"))

    with pytest.raises(NotSupported):
        await one.answered
    assert not two.answered.done()


async def test_an_unknown_player_is_the_one_that_is_not_there() -> None:
    in_flight = PendingCommands()
    before = Snapshot(players=(player(ONE),))
    there = in_flight.add(Next(ONE), before)
    gone = in_flight.add(Next(TWO), before)

    assert in_flight.refuse(UnknownPlayer("no player2"))

    with pytest.raises(UnknownPlayer):
        await gone.answered
    assert not there.answered.done()


async def test_error_without_a_pending_command_is_not_taken() -> None:
    in_flight = PendingCommands()
    command = Next(ONE)
    in_flight.remove(in_flight.add(command, Snapshot()))

    assert not in_flight.refuse(NotSupported("it cannot"))


async def test_cancelled_command_is_ignored() -> None:
    in_flight = PendingCommands()
    waiting = in_flight.add(Next(ONE), Snapshot())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await waiting.answered

    in_flight.give_up(NotSupported("too late"))

    assert waiting.answered.cancelled()
