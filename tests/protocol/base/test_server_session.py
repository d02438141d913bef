import json
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.access import ALL_SCOPES, Grant, LoginId
from deskwire.model.commands import PlayerCommand
from deskwire.model.instant import Instant
from deskwire.model.problems import TokenExpired, TokenRefused
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import ErrorMessage, SessionExpiring, encode_server_message
from deskwire.protocol.base.server_session import (
    Admit,
    Close,
    Effect,
    Perform,
    Send,
    ServerSession,
    SessionPolicy,
)
from deskwire.protocol.close_codes import CloseCode
from tests.protocol.transcript import Line, conversations

WALL = 1_700_000_085.0
"""22:14:45 UTC; the conversations say 10:14:45, so twelve hours are taken off."""
BOOT = 5_000.0
POLICY = SessionPolicy(auth_timeout=Seconds(10), warning=Seconds(240))


def instant(at: float) -> Instant:
    return Instant(Seconds(WALL - 12 * 3600 + at), Seconds(BOOT + at))


def verify(token: str, _: Instant) -> Grant:
    match token:
        case "good":
            return grant("ann")
        case "other":
            return grant("bob")
        case "old":
            raise TokenExpired("over")
        case _:
            raise TokenRefused("not ours")


def grant(user: str) -> Grant:
    return Grant(user, LoginId("login"), "jti", ALL_SCOPES, Seconds(BOOT + 1200))


def session() -> ServerSession:
    return ServerSession(instant(0), verify=verify, policy=POLICY)


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Desk:
    """A server session with a clock that calls it at its deadlines, and records its effects."""

    def __init__(self) -> None:
        self.session = session()
        self.did: list[Line] = []

    def until(self, at: float) -> None:
        while (due := self.session.deadline) is not None and due - BOOT <= at:
            self.note(due - BOOT, self.session.tick(instant(due - BOOT)))

    def note(self, at: float, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Admit(given_to):
                    self.did.append(Line(at, "=", f"admit {given_to.user}"))
                case Perform(command, _):
                    assert isinstance(command, PlayerCommand)
                    verb = command.name.removeprefix("players.")
                    text = f"perform {verb} {command.player}"
                    self.did.append(Line(at, "=", text))
                case Send(message):
                    assert isinstance(message, ErrorMessage | SessionExpiring)
                    self.did.append(
                        Line(at, ">", encode_server_message(message, Seconds(0)).decode())
                    )
                case Close(code, _):
                    self.did.append(Line(at, "x", str(int(code))))


def normal(line: Line) -> tuple[float, str, object]:
    if line.mark == ">":
        said = json.loads(line.text)
        return line.at, line.mark, (said["event"].strip(), said["args"])
    return line.at, line.mark, line.text


@pytest.mark.parametrize("conversation", conversations())
def test_server_reacts_as_the_conversation_expects(conversation: list[Line]) -> None:
    desk = Desk()

    for line in conversation:
        desk.until(line.at)
        if line.mark == "<":
            desk.note(line.at, desk.session.receive(line.text, instant(line.at)))

    expected = [
        line
        for line in conversation
        if (line.mark in "=>" and '"stats"' not in line.text)
        or (line.mark == "x" and not line.text.startswith("<"))
    ]
    assert [normal(line) for line in desk.did] == [normal(line) for line in expected]


def test_late_client_is_warned_after_its_first_stats() -> None:
    late = ServerSession(instant(1100), verify=verify, policy=POLICY)

    admitted = late.receive('{"event":"auth","args":["good"]}', instant(1100))
    due = late.deadline
    warned = late.tick(instant(1100.3))

    assert admitted == [Admit(grant("ann"))]
    assert due == pytest.approx(BOOT + 1100.3)
    assert warned == [Send(SessionExpiring("10:33:05"))]
    assert late.deadline == BOOT + 1200


def test_client_that_joins_in_the_last_moment_is_warned_at_once() -> None:
    late = ServerSession(instant(1199), verify=verify, policy=POLICY)

    effects = late.receive('{"event":"auth","args":["good"]}', instant(1199.8))

    assert effects == [Admit(grant("ann")), Send(SessionExpiring("10:34:44"))]


def test_malformed_message_now_and_then_does_not_end_a_session() -> None:
    live = session()
    live.receive('{"event":"auth","args":["good"]}', instant(0))

    done = [live.receive("{", instant(at)) for at in range(0, 100, 2)]

    assert [len(effects) for effects in done] == [1] * 50
    assert all(isinstance(effects[0], Send) for effects in done)


def test_message_after_the_deadline_ends_the_session() -> None:
    live = session()
    live.receive('{"event":"auth","args":["good"]}', instant(0))

    effects = live.receive('{"event":"audio-stop","args":["player1"]}', instant(1300))

    assert effects == [Close(CloseCode.TOKEN_EXPIRED, "token expired")]


def test_no_effect_follows_a_close() -> None:
    live = session()
    live.receive('{"event":"auth","args":["forged"]}', instant(0))

    assert live.receive('{"event":"auth","args":["good"]}', instant(1)) == []
    assert live.tick(instant(2000)) == []
    assert live.end(CloseCode.GOING_AWAY, "bye") == []
    assert live.deadline is None


def test_wall_clock_set_back_does_not_lengthen_a_session() -> None:
    live = session()
    live.receive('{"event":"auth","args":["good"]}', instant(0))

    effects = live.tick(Instant(Seconds(WALL - 90_000), Seconds(BOOT + 1200)))

    assert effects == [Close(CloseCode.TOKEN_EXPIRED, "token expired")]


def test_wall_clock_set_ahead_does_not_shorten_a_session() -> None:
    live = session()
    live.receive('{"event":"auth","args":["good"]}', instant(0))

    assert live.tick(Instant(Seconds(WALL + 90_000), Seconds(BOOT + 5))) == []


def test_burst_of_commands_is_throttled_with_one_error() -> None:
    live = session()
    live.receive('{"event":"auth","args":["good"]}', instant(0))
    command = '{"event":"audio-next","args":["player1"]}'

    effects = [effect for _ in range(100) for effect in live.receive(command, instant(1))]

    assert sum(isinstance(effect, Perform) for effect in effects) == 20
    throttled = [effect.message for effect in effects if isinstance(effect, Send)]
    assert throttled == [ErrorMessage("throttled", "too many commands; some were dropped")]


def test_new_episode_of_throttling_has_an_error_of_its_own() -> None:
    live = session()
    live.receive('{"event":"auth","args":["good"]}', instant(0))
    command = '{"event":"audio-next","args":["player1"]}'

    episodes = [
        sum(isinstance(e, Send) for _ in range(60) for e in live.receive(command, instant(at)))
        for at in (1, 5)
    ]

    assert episodes == [1, 1]


def test_lasting_flood_is_one_episode() -> None:
    live = session()
    live.receive('{"event":"auth","args":["good"]}', instant(0))
    command = '{"event":"audio-next","args":["player1"]}'

    effects = [e for at in range(3000) for e in live.receive(command, instant(at / 100))]

    assert sum(isinstance(effect, Perform) for effect in effects) > 200
    assert sum(isinstance(effect, Send) for effect in effects) == 1


@given(st.lists(st.tuples(st.floats(0, 3), st.text()), max_size=60))
def test_session_ends_at_most_once_for_any_input(
    said: list[tuple[float, str]],
) -> None:
    live = session()
    live.receive('{"event":"auth","args":["good"]}', instant(0))
    closes = 0
    at = 0.0

    for pause, text in said:
        at += pause
        closes += sum(isinstance(e, Close) for e in live.receive(text, instant(at)))

    assert closes <= 1


@given(st.floats(0, 5000), st.floats(0, 5000))
def test_session_never_outlives_its_token(joins: float, looks: float) -> None:
    patient = SessionPolicy(auth_timeout=Seconds(10_000), warning=Seconds(240))
    live = ServerSession(instant(0), verify=verify, policy=patient)
    live.receive('{"event":"auth","args":["good"]}', instant(joins))

    live.tick(instant(max(joins, looks)))

    assert (live.deadline is None) == (max(joins, looks) >= 1200)
