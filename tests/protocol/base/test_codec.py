import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import Malformed, UnknownEvent
from deskwire.model.readings import (
    PlayerId,
)
from deskwire.protocol.base.codec import COMMANDS, decode_request, encode, encode_request
from deskwire.protocol.base.messages import Authenticate, ErrorMessage, SessionExpiring, Stats
from tests.protocol.example import CONTRACT_DESK, CONTRACT_STATS, NOW

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


def test_stats_are_a_string_inside_a_message() -> None:
    message = json.loads(encode(Stats(CONTRACT_DESK), NOW))

    assert message == {"event": "stats", "args": [CONTRACT_STATS]}


def test_a_session_expires_in_the_contracts_words() -> None:
    said = encode(SessionExpiring("10:30:45"), NOW)

    assert json.loads(said) == {
        "event": "session expiring",
        "args": ["[10:30:45]: Your Session will expire"],
    }


def test_a_session_expires_in_the_examples_letters_if_asked_to() -> None:
    said = encode(SessionExpiring("10:30:45"), NOW, literal_names=True)

    assert json.loads(said)["event"] == "session expiring "


def test_a_refusal_is_json_inside_a_message() -> None:
    said = json.loads(encode(ErrorMessage("unknown_player", "no such player"), NOW))

    assert said["event"] == "error"
    assert json.loads(said["args"][0]) == {
        "code": "unknown_player",
        "message": "no such player",
    }


@pytest.mark.parametrize(
    ("event", "command"),
    [
        ("audio-play-pause", PlayPause),
        ("audio-next", Next),
        ("audio-previous", Previous),
        ("audio-stop", Stop),
    ],
)
def test_a_tap_is_read(event: str, command: type[PlayerCommand]) -> None:
    text = json.dumps({"event": f" {event} ", "args": ["player1"], "more": [{}]})

    assert decode_request(text) == command(PlayerId("player1"))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"args":[]}', '{"event":1}', '{"event":"auth","args":[1]}', "{", "\udcff",
     '{"event":"auth","args":"x"}', '{"event":"auth","args":null}', '{"event":"auth"}',
     '{"event":"auth","args":["\\ud800"]}', "[" * 100_000, '{"a":' * 100_000],
)  # fmt: skip
def test_what_is_not_an_envelope_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        decode_request(text)


@pytest.mark.parametrize("name", ["stats", "AUTH", "audio_stop", "", "error"])
def test_an_event_that_is_not_the_screens_is_unknown(name: str) -> None:
    with pytest.raises(UnknownEvent):
        decode_request(json.dumps({"event": name, "args": ["player1"]}))


@given(st.text())
def test_reading_never_fails_in_another_way(text: str) -> None:
    try:
        decode_request(text)
    except (Malformed, UnknownEvent):
        return


@given(st.sampled_from(list(COMMANDS.values())), texts)
def test_a_command_survives_the_wire(command: type[PlayerCommand], player: str) -> None:
    said = command(PlayerId(player))

    assert decode_request(encode_request(said).decode()) == said


@given(texts)
def test_a_token_survives_the_wire_and_is_never_shown(token: str) -> None:
    message = Authenticate(token)

    assert decode_request(encode_request(message).decode()) == message
    assert repr(message) == "Authenticate(token=…)"
