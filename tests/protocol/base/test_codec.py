import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import Malformed, UnknownEvent
from deskwire.model.readings import (
    PlayerId,
)
from deskwire.protocol.base.codec import (
    COMMANDS,
    Authenticate,
    ErrorMessage,
    SessionExpiring,
    Stats,
    decode_client_message,
    encode_client_message,
    encode_server_message,
)
from tests.protocol.example import CONTRACT_DESK, CONTRACT_STATS, NOW

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


def test_stats_are_a_string_in_a_message() -> None:
    message = json.loads(encode_server_message(Stats(CONTRACT_DESK), NOW))

    assert message == {"event": "stats", "args": [CONTRACT_STATS]}


def test_session_expiring_has_the_text_of_the_contract() -> None:
    said = encode_server_message(SessionExpiring("10:30:45"), NOW)

    assert json.loads(said) == {
        "event": "session expiring",
        "args": ["[10:30:45]: Your Session will expire"],
    }


def test_literal_name_of_session_expiring_ends_with_a_space() -> None:
    said = encode_server_message(SessionExpiring("10:30:45"), NOW, literal_names=True)

    assert json.loads(said)["event"] == "session expiring "


def test_error_is_json_in_a_message() -> None:
    said = json.loads(encode_server_message(ErrorMessage("unknown_player", "no such player"), NOW))

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
def test_command_is_decoded(event: str, command: type[PlayerCommand]) -> None:
    text = json.dumps({"event": f" {event} ", "args": ["player1"], "more": [{}]})

    assert decode_client_message(text) == command(PlayerId("player1"))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"args":[]}', '{"event":1}', '{"event":"auth","args":[1]}', "{", "\udcff",
     '{"event":"auth","args":"x"}', '{"event":"auth","args":null}', '{"event":"auth"}',
     '{"event":"auth","args":["\\ud800"]}', "[" * 100_000, '{"a":' * 100_000],
)  # fmt: skip
def test_text_that_is_no_envelope_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        decode_client_message(text)


@pytest.mark.parametrize("name", ["stats", "AUTH", "audio_stop", "", "error"])
def test_event_that_clients_do_not_send_is_unknown(name: str) -> None:
    with pytest.raises(UnknownEvent):
        decode_client_message(json.dumps({"event": name, "args": ["player1"]}))


@given(st.text())
def test_any_text_decodes_or_raises_a_problem(text: str) -> None:
    try:
        decode_client_message(text)
    except (Malformed, UnknownEvent):
        return


@given(st.sampled_from(list(COMMANDS.values())), texts)
def test_command_round_trips(command: type[PlayerCommand], player: str) -> None:
    said = command(PlayerId(player))

    assert decode_client_message(encode_client_message(said).decode()) == said


@given(texts)
def test_token_round_trips_and_is_not_in_the_repr(token: str) -> None:
    message = Authenticate(token)

    assert decode_client_message(encode_client_message(message).decode()) == message
    assert repr(message) == "Authenticate(token=…)"
