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
from deskwire.protocol.base.codec import decode, encode
from deskwire.protocol.base.messages import Stats
from deskwire.protocol.base.stats import decode_snapshot, encode_snapshot
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


def test_a_desk_reads_byte_for_byte_as_in_the_contract() -> None:
    assert encode_snapshot(CONTRACT_DESK, NOW).decode() == CONTRACT_STATS


def test_the_contracts_stats_are_that_desk() -> None:
    assert decode_snapshot(CONTRACT_STATS, NOW) == CONTRACT_DESK


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


@given(snapshots)
def test_a_snapshot_survives_the_wire(snapshot: Snapshot) -> None:
    said = encode(Stats(snapshot), NOW).decode()

    assert decode(said, NOW) == Stats(snapshot)
