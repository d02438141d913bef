import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.sound.packets import (
    CONTROL,
    HEADER,
    MAX_PAYLOAD,
    MalformedPacket,
    Opcode,
    Packet,
    PacketParser,
    Sink,
    ValueReader,
    blob,
    boolean,
    encode_packet,
    number,
    parse_server_name,
    parse_sink,
    properties,
    text,
    volumes,
)

SINK = (
    number(0) + text("speakers") + text("Null Output") + b"a\x03\x02\x00\x00\xac\x44"
    + b"m\x02\x01\x02" + number(7) + b"v\x02" + struct.pack(">II", 0x10000, 0x8000) + b"0"
    + number(3) + b"N"
)  # fmt: skip


def test_packet_is_encoded_as_specified() -> None:
    assert encode_packet(Opcode.SUBSCRIBE, 3, number(0x81)) == bytes.fromhex(
        "0000000f ffffffff 00000000 00000000 00000000" + "4c00000023 4c00000003 4c00000081"
    )


def test_values_are_encoded_as_specified() -> None:
    assert text("é") == b"t\xc3\xa9\0"
    assert text(None) == b"N"
    assert (boolean(True), boolean(False)) == (b"1", b"0")
    assert volumes([1.0, 0.5]) == b"v\2\0\1\0\0\0\0\x80\0"
    assert blob(b"ab") == b"x\0\0\0\2ab"
    assert properties({"a": "b"}) == b"Pta\0L\0\0\0\2x\0\0\0\2b\0N"


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(1, 30))
def test_packets_are_decoded_from_any_fragments(values: list[bytes], size: int) -> None:
    written = b"".join(encode_packet(Opcode.REPLY, tag, each) for tag, each in enumerate(values))
    packets = PacketParser()

    read = [
        packet
        for at in range(0, len(written), size)
        for packet in packets.feed(written[at : at + size])
    ]

    assert read == [Packet(Opcode.REPLY, tag, each) for tag, each in enumerate(values)]


def test_audio_and_shared_memory_packets_are_skipped() -> None:
    sound = HEADER.pack(4, 0, 0, 0, 0) + b"\1\2\3\4"
    let_go = HEADER.pack(0, CONTROL, 7, 0, 0x40000000)

    read = PacketParser().feed(sound + let_go + encode_packet(Opcode.REPLY, 1))

    assert read == [Packet(Opcode.REPLY, 1, b"")]


def test_impossible_length_is_refused_before_buffering() -> None:
    with pytest.raises(MalformedPacket):
        PacketParser().feed(HEADER.pack(MAX_PAYLOAD + 1, CONTROL, 0, 0, 0))


def test_sink_has_a_name_and_a_volume_for_each_channel() -> None:
    assert parse_sink(SINK) == Sink(0, "speakers", (1.0, 0.5), muted=False)


@pytest.mark.parametrize(("mark", "muted"), [(b"0", False), (b"1", True)])
def test_sink_is_muted_or_not(mark: bytes, muted: bool) -> None:
    tail = number(3) + b"N"

    assert parse_sink(SINK.removesuffix(b"0" + tail) + mark + tail).muted is muted
    with pytest.raises(MalformedPacket):
        parse_sink(SINK.removesuffix(b"0" + tail) + b"L" + tail)


def test_server_reports_its_name() -> None:
    assert parse_server_name(text("pulseaudio") + text("16.1")) == "pulseaudio"
    assert parse_server_name(b"N") == ""


@given(
    st.text().filter(lambda name: "\0" not in name and name.isprintable()),
    st.lists(st.integers(0, 0xFFFF_FFFF), max_size=32),
    st.binary(),
)
def test_sink_with_any_name_and_volumes_is_parsed(
    name: str, volumes: list[int], what_follows: bytes
) -> None:
    count = bytes([len(volumes)])
    of_each = b"".join(struct.pack(">I", each) for each in volumes)
    written = (
        number(1) + text(name) + b"N" + b"a" + bytes(6) + b"m" + count + bytes(len(volumes))
        + number(7) + b"v" + count + of_each + b"0" + what_follows
    )  # fmt: skip

    assert parse_sink(written) == Sink(1, name, tuple(each / 0x10000 for each in volumes))


@given(st.integers(0, len(SINK) - 10))
def test_truncated_sink_is_malformed(at: int) -> None:
    with pytest.raises(MalformedPacket):
        parse_sink(SINK[:at])


@given(st.binary())
def test_any_values_are_parsed_or_malformed(values: bytes) -> None:
    for parse in (parse_sink, parse_server_name, lambda each: ValueReader(each).number()):
        with suppress(MalformedPacket):
            parse(values)


HEADS = st.builds(
    HEADER.pack,
    st.one_of(st.integers(0, 30), st.integers(0, 0xFFFF_FFFF)),
    st.sampled_from([CONTROL, 0, 1]),
    *[st.sampled_from([0, 1])] * 3,
)


@given(st.lists(st.one_of(HEADS, st.binary(max_size=40)), max_size=12))
def test_any_stream_is_parsed_or_malformed(pieces: list[bytes]) -> None:
    packets = PacketParser()

    with suppress(MalformedPacket):
        for piece in pieces:
            packets.feed(piece)
