import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.protocol.websocket.parser import (
    Binary,
    CloseReceived,
    FrameParser,
    Ping,
    Pong,
    ProtocolViolation,
    Received,
    Text,
    may_be_sent,
    unmasked,
)
from deskwire.protocol.websocket.serializer import close_frame, ping_frame, pong_frame, text_frame

LARGEST = 100_000
KEY = b"\x37\xfa\x21\x3d"


def masked(frame: bytes, key: bytes = KEY) -> bytes:
    """Return a server's frame as a client sends it."""
    head = {126: 4, 127: 10}.get(frame[1], 2)
    return bytes((frame[0], frame[1] | 0x80)) + frame[2:head] + key + unmasked(frame[head:], key)


def raw(first: int, payload: bytes = b"") -> bytes:
    """Return a client's frame with any first byte."""
    return masked(bytes((first,)) + text_frame(payload)[1:])


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


def read(*data: bytes) -> list[Received]:
    reader = FrameParser(LARGEST)
    return [message for piece in data for message in reader.feed(piece)]


messages = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300).map(Text),
    st.binary(max_size=70_000).map(Binary),
    st.binary(max_size=125).map(Ping),
    st.binary(max_size=125).map(Pong),
)


def frames(message: Received, parts: int) -> bytes:
    """Return the frames of a message from a client, a text or binary one in fragments."""
    match message:
        case Text(text):
            first, payload = 1, text.encode()
        case Binary(payload):
            first = 2
        case Ping(payload):
            return masked(ping_frame(payload))
        case Pong(payload):
            return masked(pong_frame(payload))
        case _:
            raise AssertionError(message)
    size = max(1, -(-len(payload) // parts))
    cut = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    return b"".join(
        raw((0x80 if number == len(cut) - 1 else 0) | (first if number == 0 else 0), part)
        for number, part in enumerate(cut)
    )


@given(
    st.lists(messages, max_size=5), st.integers(1, 7), st.lists(st.integers(0, 300_000), max_size=9)
)
def test_messages_are_parsed_from_pieces_of_any_size(
    said: list[Received], parts: int, cuts: list[int]
) -> None:
    data = b"".join(frames(message, parts) for message in said)

    assert read(*pieces(data, cuts)) == said


@given(st.binary(max_size=500), st.lists(st.integers(0, 500), max_size=9))
def test_any_bytes_are_parsed_the_same_in_pieces(data: bytes, cuts: list[int]) -> None:
    assert read(*pieces(data, cuts)) == read(data)


def test_example_of_the_rfc_is_parsed() -> None:
    hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"

    assert read(hello) == [Text("Hello")]


def test_ping_between_fragments_is_returned_first() -> None:
    data = [raw(0x01, b"Hel"), masked(ping_frame(b"?")), raw(0x80, b"lo")]

    assert read(b"".join(data)) == [Ping(b"?"), Text("Hello")]


def test_character_split_between_fragments_is_decoded() -> None:
    euro = "€".encode()

    assert read(raw(0x01, euro[:1]), raw(0x00, b""), raw(0x80, euro[1:])) == [Text("€")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(raw(0xC1), 1002, id="rsv1"),
        pytest.param(raw(0xA1), 1002, id="rsv2"),
        pytest.param(raw(0x91), 1002, id="rsv3"),
        pytest.param(raw(0x83), 1002, id="opcode 3"),
        pytest.param(raw(0x8F), 1002, id="opcode 15"),
        pytest.param(b"\x81\x02", 1002, id="unmasked"),
        pytest.param(b"\x89\xfe", 1002, id="a long ping"),
        pytest.param(b"\x09\x80", 1002, id="a fragmented ping"),
        pytest.param(b"\x08\x80", 1002, id="a fragmented close"),
        pytest.param(b"\x80\x80", 1002, id="an orphan"),
        pytest.param(b"\x00\x80", 1002, id="an orphan that goes on"),
        pytest.param(raw(0x01, b"") + b"\x81\x80", 1002, id="a text within a text"),
        pytest.param(raw(0x02, b"x") + b"\x02\x80", 1002, id="a binary within a binary"),
        pytest.param(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + KEY, 1009, id="2^40"),
        pytest.param(b"\x82\xff" + ((1 << 63) + 1).to_bytes(8, "big") + KEY, 1009, id="2^63+1"),
        pytest.param(raw(0x01, b"x" * 60_000) + b"\x80\xfe\xff\xff" + KEY, 1009, id="parts"),
        pytest.param(raw(0x01, b"\xce\xba\xe1\xf4\x90"), 1007, id="beyond Unicode, in its middle"),
        pytest.param(raw(0x01, b"\xed\xa0\x80"), 1007, id="a surrogate, before its end"),
        pytest.param(raw(0x81, b"\xe2\x82"), 1007, id="cut short"),
        pytest.param(raw(0x88, b"\x03"), 1002, id="half a close code"),
        pytest.param(raw(0x88, b"\x03\xe8\xff"), 1007, id="a reason that is no text"),
    ],
)
def test_violation_is_detected_at_once_and_ends_the_parsing(data: bytes, code: int) -> None:
    *_, last = read(data)

    assert isinstance(last, ProtocolViolation)
    assert last.code == code
    assert read(data, masked(text_frame(b"more"))) == read(data)


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1014, 3000, 4999]
)
def test_close_frame_has_its_code_and_reason(code: int) -> None:
    assert read(masked(close_frame(code, "bye"))) == [CloseReceived(code, "bye")]


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65535])
def test_reserved_close_code_is_a_violation(code: int) -> None:
    (found,) = read(masked(close_frame(code)))

    assert not may_be_sent(code)
    assert isinstance(found, ProtocolViolation)
    assert found.code == 1002


def test_bytes_after_a_close_frame_are_ignored() -> None:
    assert read(masked(close_frame(None)), masked(text_frame(b"more"))) == [CloseReceived(None, "")]


def test_message_may_have_the_maximum_size_and_no_byte_more() -> None:
    assert read(masked(text_frame(b"x" * LARGEST))) == [Text("x" * LARGEST)]
    (found,) = read(masked(text_frame(b"x" * (LARGEST + 1))))
    assert isinstance(found, ProtocolViolation)
    assert found.code == 1009
