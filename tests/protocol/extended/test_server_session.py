import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.volume import MuteVolume, SetVolume
from deskwire.model.access import ALL_SCOPES, Grant, LoginId, Scope
from deskwire.model.commands import Next, PlayPause, Previous, Stop
from deskwire.model.instant import Instant
from deskwire.model.problems import TokenRefused
from deskwire.model.units import Seconds
from deskwire.protocol.base.server_session import (
    Admit,
    Close,
    Effect,
    Perform,
    Send,
    SessionPolicy,
    Subscribe,
)
from deskwire.protocol.extended.codec import Request, encode_server_message
from deskwire.protocol.extended.server_session import ExtendedSession, Vocabulary
from tests.protocol.transcript import Line, conversations

WALL = 1_699_956_885.0
"""10:14:45 UTC."""
BOOT = 5_000.0
POLICY = SessionPolicy(auth_timeout=Seconds(10), warning=Seconds(240))
COMMANDS = (PlayPause, Next, Previous, Stop, SetVolume, MuteVolume)
VOCABULARY = Vocabulary(
    frozenset({"cpu", "players", "volume"}), {command.name: command for command in COMMANDS}
)
TOKENS = {
    "good": ("ann", ALL_SCOPES),
    "other": ("bob", ALL_SCOPES),
    "watch": ("ann", frozenset({Scope.MONITOR})),
    "blind": ("ann", frozenset({Scope.CONTROL})),
}
AUTH = '{"event":"auth","args":["good"]}'


def instant(at: float) -> Instant:
    return Instant(Seconds(WALL + at), Seconds(BOOT + at))


def verify(token: str, _: Instant) -> Grant:
    if token not in TOKENS:
        raise TokenRefused("not ours")
    user, scopes = TOKENS[token]
    return Grant(user, LoginId("login"), "jti", scopes, Seconds(BOOT + 1200))


def session() -> ExtendedSession:
    return ExtendedSession(instant(0), verify=verify, policy=POLICY, vocabulary=VOCABULARY)


def live_session() -> ExtendedSession:
    live = session()
    live.receive(AUTH, instant(0))
    return live


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def describe(at: float, effect: Effect) -> Line:
    match effect:
        case Admit(grant):
            return Line(at, "=", f"admit {grant.user}")
        case Perform(command, _, request):
            assert isinstance(request, Request)
            arguments = json.dumps(
                {name: getattr(command, name) for name in command.__struct_fields__},
                separators=(",", ":"),
            )
            answer = "" if request.id is None else f" answer {request.id}"
            return Line(at, "=", f"perform {command.name} {arguments}{answer}")
        case Subscribe(topics, interval, request_id):
            answer = "" if request_id is None else f" answer {request_id}"
            return Line(at, "=", f"subscribe {','.join(topics)} every {interval:g}{answer}")
        case Send(message):
            return Line(at, ">", encode_server_message(message).decode())  # type: ignore[arg-type]
        case Close(code, _):
            return Line(at, "x", str(int(code)))


def normal(line: Line) -> tuple[float, str, object]:
    return line.at, line.mark, json.loads(line.text) if line.mark == ">" else line.text


@pytest.mark.parametrize("conversation", conversations(Path(__file__).parent / "conversations"))
def test_server_reacts_as_the_conversation_expects(conversation: list[Line]) -> None:
    server = session()
    did: list[Line] = []

    for line in conversation:
        while (due := server.deadline) is not None and due - BOOT <= line.at:
            at = due - BOOT
            did += [describe(at, effect) for effect in server.tick(instant(at))]
        if line.mark == "<":
            did += [
                describe(line.at, effect) for effect in server.receive(line.text, instant(line.at))
            ]

    expected = [line for line in conversation if line.mark != "<"]
    assert [normal(line) for line in did] == [normal(line) for line in expected]


def codes(effects: list[Effect]) -> list[tuple[str, int | None]]:
    return [
        (effect.message.code, effect.message.id)  # type: ignore[attr-defined]
        for effect in effects
        if isinstance(effect, Send)
    ]


def test_each_dropped_message_with_an_id_is_answered() -> None:
    live = live_session()
    mute = '{"event":"volume.mute","args":[{"muted":true}],"id":%d}'

    effects = [effect for id in range(30) for effect in live.receive(mute % id, instant(1))]  # noqa: A001

    assert sum(isinstance(effect, Perform) for effect in effects) == 20
    assert codes(effects) == [("throttled", dropped) for dropped in range(20, 30)]


def test_dropped_messages_without_an_id_are_one_error() -> None:
    live = live_session()
    mute = '{"event":"volume.mute","args":[{"muted":true}]}'

    effects = [effect for _ in range(30) for effect in live.receive(mute, instant(1))]

    assert codes(effects) == [("throttled", None)]


def test_subscriptions_count_as_commands() -> None:
    live = live_session()
    subscribe = '{"event":"subscribe","args":[{"topics":["cpu"]}]}'

    effects = [effect for _ in range(25) for effect in live.receive(subscribe, instant(1))]

    assert sum(isinstance(effect, Subscribe) for effect in effects) == 20


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(json.dumps)
)
def test_any_text_after_auth_is_answered_or_ends_the_session(text: str) -> None:
    effects = live_session().receive(text, instant(1))

    assert all(isinstance(effect, Send | Close) for effect in effects)
    assert effects
