"""Texts of `top` about its connection, for the states that the client goes through."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from deskwire.client.desk_state import ConnectionState, Phase
from deskwire.client.problems import Unreachable
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import NextStep
from deskwire.tui.connection_status import connection_status, notice

LIVE = ConnectionState(phase=Phase.LIVE, ends=Seconds(700))
IMMEDIATELY = Seconds(0)


def lost(code: int, then: NextStep, wait: Seconds = IMMEDIATELY) -> list[ConnectionState]:
    """Return the states after a close code, up to the next attempt."""
    waiting = ConnectionState(
        phase=Phase.WAITING, retry_at=Seconds(100 + wait), close_code=code, next=then
    )
    return [waiting, ConnectionState(phase=Phase.CONNECTING, close_code=code, next=then)]


def failed(wait: Seconds) -> list[ConnectionState]:
    """Return the states after an attempt at an unreachable desk, up to the next attempt."""
    unreachable = Unreachable("https://desk:8443 cannot be reached")
    waiting = ConnectionState(
        phase=Phase.WAITING, retry_at=Seconds(100 + wait), problem=unreachable
    )
    return [waiting, ConnectionState(phase=Phase.CONNECTING)]


def notices(states: Sequence[ConnectionState], wait: Seconds) -> list[str]:
    """Return the notices on the way from live through these states."""
    texts = (notice(before, after, wait) for before, after in pairwise([LIVE, *states]))
    return [text for text in texts if text]


@pytest.mark.parametrize(
    ("code", "then", "text"),
    [
        (4001, NextStep.LOG_IN, "logged in again"),
        (4004, NextStep.REFRESH, "reconnected with a new token"),
        (1006, NextStep.RECONNECT, "reconnected"),
        (1001, NextStep.RECONNECT, "reconnected"),
    ],
)
def test_reconnection_is_noticed_with_its_kind(code: int, then: NextStep, text: str) -> None:
    assert notices([*lost(code, then), LIVE], IMMEDIATELY)[-1] == text


def test_reconnection_after_failed_attempts_is_noticed() -> None:
    wait = Seconds(5)

    assert notices(
        [*lost(1006, NextStep.RECONNECT, wait), *failed(wait), *failed(wait), LIVE], wait
    ) == ["reconnected"]


def test_reason_is_noticed_if_the_wait_is_too_short_to_read() -> None:
    states = lost(4004, NextStep.REFRESH)

    assert notices(states, IMMEDIATELY) == ["the session has ended (4004); requesting a new token"]
    assert notices(states, Seconds(5)) == []


def test_renewed_session_is_noticed() -> None:
    expiring = ConnectionState(phase=Phase.EXPIRING, ends=Seconds(700))

    assert notices([expiring, LIVE], IMMEDIATELY) == [
        "the session ends soon; opening the next one",
        "session renewed without interruption",
    ]


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (LIVE, "live · session ends in 10:00"),
        (ConnectionState(phase=Phase.CONNECTING), "connecting…"),
        (
            lost(1006, NextStep.RECONNECT, Seconds(5))[0],
            "connection lost (1006) · reconnecting in 5 s",
        ),
        (lost(4001, NextStep.LOG_IN)[1], "logging in again…"),
        (failed(Seconds(20))[0], "the desk is unreachable · reconnecting in 20 s"),
        (lost(4321, NextStep.RECONNECT)[0], "connection closed (4321) · reconnecting…"),
        (ConnectionState(phase=Phase.ENDED), "ended: the desk ended the connection"),
    ],
)
def test_status_is_one_line(state: ConnectionState, shown: str) -> None:
    text, _ = connection_status(state, Seconds(100))

    assert text == shown
