import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.model.readings import (
    ArtKey,
    Cpu,
    Memory,
    Network,
    Player,
    PlayerId,
    Position,
    Snapshot,
    Volume,
    Wifi,
)
from deskwire.model.units import Percent, Seconds
from deskwire.protocol.base.codec import Stats, decode_server_message, encode_server_message
from deskwire.protocol.base.stats import art_key, art_url, decode_snapshot, encode_snapshot
from tests.protocol.example import CONTRACT_DESK, CONTRACT_STATS, NOW

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


def test_example_of_the_contract_is_encoded_byte_for_byte() -> None:
    assert encode_snapshot(CONTRACT_DESK, NOW).decode() == CONTRACT_STATS


def test_example_of_the_contract_is_decoded() -> None:
    assert decode_snapshot(CONTRACT_STATS, NOW) == CONTRACT_DESK


def test_absent_hardware_is_an_absent_key_except_audio() -> None:
    assert encode_snapshot(Snapshot(), NOW) == b'{"audio":[]}'


def test_zero_of_present_hardware_is_sent() -> None:
    desk = Snapshot(cpu=Cpu(Percent(0.0)), volume=Volume(Percent(0)))

    assert encode_snapshot(desk, NOW) == b'{"cpu_absolute":0.0,"audio":[],"volume":0}'


@pytest.mark.parametrize(
    ("since", "rate", "seconds"), [(0, 1.0, 115), (7.9, 1.0, 122), (7.9, 0.0, 115), (500, 1, 232)]
)
def test_position_moves_with_its_rate_up_to_the_end(
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


@given(snapshots)
def test_snapshot_round_trips(snapshot: Snapshot) -> None:
    said = encode_server_message(Stats(snapshot), NOW).decode()

    assert decode_server_message(said, NOW) == Stats(snapshot)


def test_art_url_is_that_of_the_contract() -> None:
    url = art_url(ArtKey("/tmp/.org.chromium.Chromium.NUnytm"))

    assert url == "/v1/img/tmp/L3RtcC8ub3JnLmNocm9taXVtLkNocm9taXVtLk5Vbnl0bQ=="


def test_art_key_is_decoded_padded_and_bare() -> None:
    encoded = art_url(ArtKey("/tmp/a/b?c")).removeprefix("/v1/img/tmp/")

    assert art_key(encoded) == "/tmp/a/b?c"
    assert art_key(encoded.rstrip("=")) == "/tmp/a/b?c"


@pytest.mark.parametrize(
    "encoded", ["L3RtcA=", "L3RtcB==", "!", "L3Rt cA==", "L3RtcA===", "+/8=", "é"]
)
def test_any_other_spelling_is_not_a_key(encoded: str) -> None:
    assert art_key(encoded) is None


@given(st.binary(max_size=60))
def test_art_url_of_any_path_decodes_to_the_path(raw: bytes) -> None:
    key = ArtKey(raw.decode("utf-8", "surrogateescape"))
    url = art_url(key)

    assert art_key(url.removeprefix("/v1/img/tmp/")) == key
    assert base64.urlsafe_b64decode(url.removeprefix("/v1/img/tmp/")) == raw
