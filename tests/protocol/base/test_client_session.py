import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.readings import PlayerId
from deskwire.model.units import Seconds
from deskwire.protocol.base.client_session import (
    ClientEffect,
    ClientSession,
    EndConnection,
    RenewSession,
    ReportError,
    SendText,
    UpdateSnapshot,
)
from deskwire.protocol.base.codec import COMMANDS
from tests.protocol.transcript import Line, conversations


def opening(conversation: list[Line]) -> str | None:
    """The token of a correct client, if this conversation has one."""
    first = next((line for line in conversation if line.mark == "<"), None)
    if first is None:
        return None
    try:
        said = json.loads(first.text)
    except json.JSONDecodeError:
        return None
    return str(said["args"][0]) if said.get("event") == "auth" else None


def described(at: float, effect: ClientEffect) -> Line:
    match effect:
        case UpdateSnapshot(snapshot):
            return Line(at, "?", f"show {len(snapshot.players)}")
        case RenewSession():
            return Line(at, "?", "roll over")
        case ReportError(refusal):
            return Line(at, "?", f"complain {refusal.code}")
        case EndConnection(what):
            return Line(at, "?", what.value)
        case SendText(said):
            return Line(at, "<", said)


@pytest.mark.parametrize("conversation", conversations())
def test_client_reacts_as_the_conversation_expects(conversation: list[Line]) -> None:
    client = ClientSession(opening(conversation) or "")
    decided: list[Line] = []

    for line in conversation:
        match line.mark:
            case ">":
                effects = client.receive(line.text, Seconds(line.at))
            case "x":
                effects = client.closed(int(line.text.removeprefix("< ")))
            case _:
                effects = []
        decided += [described(line.at, effect) for effect in effects]

    assert decided == [line for line in conversation if line.mark == "?"]


@pytest.mark.parametrize("conversation", conversations())
def test_client_sends_the_messages_of_the_conversation(conversation: list[Line]) -> None:
    client = ClientSession(opening(conversation) or "")
    said: list[object] = []
    correct: list[object] = []

    for line in conversation:
        if line.mark != "<":
            continue
        try:
            message = json.loads(line.text)
            event, arguments = message["event"], message["args"]
        except (json.JSONDecodeError, KeyError, TypeError):
            continue
        if event == "auth" and not said:
            effects = client.open()
        elif event in COMMANDS and isinstance(arguments[0], str) and said:
            effects = client.command(COMMANDS[event](PlayerId(arguments[0])))
        else:
            continue
        correct.append(message)
        said += [json.loads(e.text) for e in effects if isinstance(e, SendText)]

    assert said == correct


def test_ended_session_ignores_messages() -> None:
    client = ClientSession("good")
    client.closed(1000)

    assert client.receive('{"event":"stats","args":["{\\"audio\\":[]}"]}', Seconds(1)) == []
    assert client.closed(1006) == []


@given(st.text())
def test_undecodable_message_is_ignored(text: str) -> None:
    assert ClientSession("good").receive(text, Seconds(0)) == []
