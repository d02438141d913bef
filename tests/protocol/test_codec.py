import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.commands import Action, Command
from deskwire.model.problems import Malformed, UnknownEvent
from deskwire.model.snapshot import (
    ArtKey,
    Backlight,
    Battery,
    Cpu,
    Disk,
    Memory,
    Network,
    Player,
    PlayerId,
    Position,
    Snapshot,
    Uptime,
    Volume,
    Wifi,
)
from deskwire.model.units import Bytes, Percent, Seconds
from deskwire.protocol.codec import (
    art_key,
    art_url,
    decode,
    decode_request,
    decode_snapshot,
    encode,
    encode_request,
    encode_snapshot,
)
from deskwire.protocol.messages import Authenticate, Refusal, SessionExpiring, Stats

CONTRACT_STATS = (
    '{"memory_bytes":11419623424,"cpu_absolute":18.8,"network":{"rx_bytes":3682862139,'
    '"tx_bytes":102412526},"uptime":11179,"disk_bytes":200050167808,"audio":[{"id":"player1",'
    '"name":"Chrome","playing":true,"artist":"Hoobastank","title":"The Reason","album":"Fallen",'
    '"art_url":"/v1/img/tmp/L3RtcC8ub3JnLmNocm9taXVtLkNocm9taXVtLk5Vbnl0bQ==","timestamp":115,'
    '"duration":232},{"id":"player2","name":"Firefox","playing":false,"artist":"Artist Name",'
    '"title":"Video Title","timestamp":1671,"duration":3215}],"wifi":{"ssid":"Bazinga! 5G",'
    '"connected":true},"battery":{"percentage":100,"plugged_in":true},"volume":88,"backlight":64}'
)
NOW = Seconds(1000)
CONTRACT_DESK = Snapshot(
    memory=Memory(Bytes(11419623424)),
    cpu=Cpu(Percent(18.8)),
    network=Network(Bytes(3682862139), Bytes(102412526)),
    uptime=Uptime(Seconds(11179)),
    disk=Disk(Bytes(200050167808)),
    players=(
        Player(
            id=PlayerId("player1"),
            name="Chrome",
            playing=True,
            artist="Hoobastank",
            title="The Reason",
            album="Fallen",
            art=ArtKey("/tmp/.org.chromium.Chromium.NUnytm"),
            position=Position(Seconds(115), NOW, 1.0),
            duration=Seconds(232),
        ),
        Player(
            id=PlayerId("player2"),
            name="Firefox",
            playing=False,
            artist="Artist Name",
            title="Video Title",
            position=Position(Seconds(1671), NOW, 0.0),
            duration=Seconds(3215),
        ),
    ),
    wifi=Wifi("Bazinga! 5G", connected=True),
    battery=Battery(Percent(100), plugged_in=True),
    volume=Volume(Percent(88)),
    backlight=Backlight(Percent(64)),
)

finite = st.floats(0, 1e9, allow_nan=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
players = st.builds(
    Player,
    id=st.integers(1, 10**6).map(lambda n: PlayerId(f"player{n}")),
    name=texts,
    playing=st.booleans(),
    title=texts,
    artist=texts,
    album=st.none() | texts,
    art=st.none() | texts.map(ArtKey),
    duration=st.none() | st.integers(0, 10**6).map(Seconds),
)
snapshots = st.builds(
    Snapshot,
    memory=st.none() | st.builds(Memory, st.integers(0, 2**50)),
    network=st.none() | st.builds(Network, st.integers(0, 2**62), st.integers(0, 2**62)),
    players=st.lists(players, max_size=4).map(tuple),
    wifi=st.none() | st.builds(Wifi, texts, st.booleans()),
    volume=st.none() | st.integers(0, 153).map(lambda level: Volume(Percent(level))),
)


def test_a_desk_reads_byte_for_byte_as_in_the_contract() -> None:
    assert encode_snapshot(CONTRACT_DESK, NOW).decode() == CONTRACT_STATS


def test_the_contracts_stats_are_that_desk() -> None:
    assert decode_snapshot(CONTRACT_STATS, NOW) == CONTRACT_DESK


def test_stats_are_a_string_inside_a_message() -> None:
    message = json.loads(encode(Stats(CONTRACT_DESK), NOW))

    assert message == {"event": "stats", "args": [CONTRACT_STATS]}


def test_absent_hardware_is_an_absent_key_and_audio_is_always_a_list() -> None:
    assert encode_snapshot(Snapshot(), NOW) == b'{"audio":[]}'


def test_nothing_at_all_is_still_a_number_where_there_is_hardware() -> None:
    desk = Snapshot(cpu=Cpu(Percent(0.0)), volume=Volume(Percent(0)))

    assert encode_snapshot(desk, NOW) == b'{"cpu_absolute":0.0,"audio":[],"volume":0}'


@pytest.mark.parametrize(
    ("since", "rate", "seconds"), [(0, 1.0, 115), (7.9, 1.0, 122), (7.9, 0.0, 115), (500, 1, 232)]
)
def test_a_position_moves_on_with_its_rate_and_stops_at_the_end(
    since: float, rate: float, seconds: int
) -> None:
    player = Player(
        id=PlayerId("player1"),
        name="mpv",
        playing=True,
        title="t",
        position=Position(Seconds(115), NOW, rate),
        duration=Seconds(232),
    )

    stats = json.loads(encode_snapshot(Snapshot(players=(player,)), Seconds(NOW + since)))

    assert stats["audio"][0]["timestamp"] == seconds


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
    said = json.loads(encode(Refusal("unknown_player", "no such player"), NOW))

    assert said["event"] == "error"
    assert json.loads(said["args"][0]) == {
        "code": "unknown_player",
        "message": "no such player",
    }


@pytest.mark.parametrize(
    ("event", "action"),
    [
        ("audio-play-pause", Action.PLAY_PAUSE),
        ("audio-next", Action.NEXT),
        ("audio-previous", Action.PREVIOUS),
        ("audio-stop", Action.STOP),
    ],
)
def test_a_tap_is_read(event: str, action: Action) -> None:
    text = json.dumps({"event": f" {event} ", "args": ["player1"], "more": [{}]})

    assert decode_request(text) == Command(action, PlayerId("player1"))


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


@given(snapshots)
def test_a_snapshot_survives_the_wire(snapshot: Snapshot) -> None:
    said = encode(Stats(snapshot), NOW).decode()

    assert decode(said, NOW) == Stats(snapshot)


@given(st.sampled_from(Action), texts)
def test_a_command_survives_the_wire(action: Action, player: str) -> None:
    command = Command(action, PlayerId(player))

    assert decode_request(encode_request(command).decode()) == command


@given(texts)
def test_a_token_survives_the_wire_and_is_never_shown(token: str) -> None:
    message = Authenticate(token)

    assert decode_request(encode_request(message).decode()) == message
    assert repr(message) == "Authenticate(token=…)"


def test_an_art_url_is_the_contracts() -> None:
    url = art_url(ArtKey("/tmp/.org.chromium.Chromium.NUnytm"))

    assert url == "/v1/img/tmp/L3RtcC8ub3JnLmNocm9taXVtLkNocm9taXVtLk5Vbnl0bQ=="


def test_a_key_is_read_padded_and_bare() -> None:
    encoded = art_url(ArtKey("/tmp/a/b?c")).removeprefix("/v1/img/tmp/")

    assert art_key(encoded) == "/tmp/a/b?c"
    assert art_key(encoded.rstrip("=")) == "/tmp/a/b?c"


@pytest.mark.parametrize(
    "encoded", ["L3RtcA=", "L3RtcB==", "!", "L3Rt cA==", "L3RtcA===", "+/8=", "é"]
)
def test_any_other_spelling_is_no_key(encoded: str) -> None:
    assert art_key(encoded) is None


@given(st.binary(max_size=60))
def test_every_path_has_one_url_and_back(raw: bytes) -> None:
    key = ArtKey(raw.decode("utf-8", "surrogateescape"))
    url = art_url(key)

    assert art_key(url.removeprefix("/v1/img/tmp/")) == key
    assert base64.urlsafe_b64decode(url.removeprefix("/v1/img/tmp/")) == raw
