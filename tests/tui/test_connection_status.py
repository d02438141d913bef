"""What `top` says of its connection, over the states that the client's own line goes through."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from deskwire.client.connection_state import Phase, State
from deskwire.client.problems import Unreachable
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import NextStep
from deskwire.tui.connection_status import connection_status, notice

LIVE = State(phase=Phase.LIVE, ends=Seconds(700))
AT_ONCE = Seconds(0)


def lost(code: int, then: NextStep, wait: Seconds = AT_ONCE) -> list[State]:
    """Return what follows a close code, up to the next try."""
    waiting = State(phase=Phase.WAITING, again=Seconds(100 + wait), close_code=code, next=then)
    return [waiting, State(phase=Phase.CONNECTING, close_code=code, next=then)]


def in_vain(wait: Seconds) -> list[State]:
    """Return what follows a try at a desk that is away, up to the next."""
    away = Unreachable("https://desk:8443 cannot be reached")
    waiting = State(phase=Phase.WAITING, again=Seconds(100 + wait), problem=away)
    return [waiting, State(phase=Phase.CONNECTING)]


def told(states: Sequence[State], wait: Seconds) -> list[str]:
    """Return what is said on the way from live through these states."""
    said = (notice(before, after, wait) for before, after in pairwise([LIVE, *states]))
    return [words for words in said if words]


@pytest.mark.parametrize(
    ("code", "then", "said"),
    [
        (4001, NextStep.LOG_IN, "logged in again"),
        (4004, NextStep.REFRESH, "connected again, with a new token"),
        (1006, NextStep.RECONNECT, "connected again"),
        (1001, NextStep.RECONNECT, "connected again"),
    ],
)
def test_who_is_back_is_told_how(code: int, then: NextStep, said: str) -> None:
    assert told([*lost(code, then), LIVE], AT_ONCE)[-1] == said


def test_who_is_back_after_tries_in_vain_is_told_too() -> None:
    wait = Seconds(5)

    assert told(
        [*lost(1006, NextStep.RECONNECT, wait), *in_vain(wait), *in_vain(wait), LIVE], wait
    ) == ["connected again"]


def test_why_it_was_lost_is_told_where_the_wait_is_too_short_to_read_it() -> None:
    states = lost(4004, NextStep.REFRESH)

    assert told(states, AT_ONCE) == ["the session is over (4004); getting a new token"]
    assert told(states, Seconds(5)) == []


def test_a_renewed_session_is_told_and_was_not_away() -> None:
    expiring = State(phase=Phase.EXPIRING, ends=Seconds(700))

    assert told([expiring, LIVE], AT_ONCE) == [
        "the session ends soon; opening the next one",
        "session renewed, without a gap",
    ]


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (LIVE, "live · session ends in 10:00"),
        (State(phase=Phase.CONNECTING), "connecting…"),
        (
            lost(1006, NextStep.RECONNECT, Seconds(5))[0],
            "connection lost (1006) · reconnecting in 5 s",
        ),
        (lost(4001, NextStep.LOG_IN)[1], "logging in again…"),
        (in_vain(Seconds(20))[0], "the desk cannot be reached · reconnecting in 20 s"),
        (lost(4321, NextStep.RECONNECT)[0], "the connection was closed (4321) · reconnecting…"),
        (State(phase=Phase.ENDED), "over: the desk ended the connection"),
    ],
)
def test_how_it_stands_is_one_line(state: State, shown: str) -> None:
    words, _ = connection_status(state, Seconds(100))

    assert words == shown
