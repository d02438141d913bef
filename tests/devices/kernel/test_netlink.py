import errno
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.kernel import netlink
from deskwire.devices.kernel.netlink import (
    CONTROLLER,
    GET_FAMILY,
    Family,
    NetlinkSocket,
    decode_attributes,
    decode_messages,
    decode_number,
    decode_text,
    encode_attribute,
    encode_request,
    parse_family,
    raise_for,
)


def test_request_has_the_layout_of_the_kernel() -> None:
    request = encode_request(28, 5, 7, encode_attribute(3, b"\1\0\0\0"))

    assert struct.unpack("=IHHII", request[:16]) == (28, 28, 0x301, 7, 0)
    assert struct.unpack("=BBH", request[16:20]) == (5, 1, 0)
    assert request[20:] == struct.pack("=HHI", 8, 3, 1)


def test_an_attribute_is_padded_and_its_length_is_not() -> None:
    assert encode_attribute(2, b"nl80211\0x") == struct.pack("=HH", 13, 2) + b"nl80211\0x\0\0\0"


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=9)), unique_by=lambda a: a[0]))
def test_attributes_come_back_as_they_went(attributes: list[tuple[int, bytes]]) -> None:
    encoded = b"".join(encode_attribute(kind, payload) for kind, payload in attributes)

    assert decode_attributes(encoded) == dict(attributes)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 255), st.binary(max_size=9))))
def test_messages_of_one_receive_are_taken_apart(sent: list[tuple[int, int, bytes]]) -> None:
    padded = [(family, command, body + bytes(-len(body) % 4)) for family, command, body in sent]
    received = b"".join(
        encode_request(family, command, number, body)
        for number, (family, command, body) in enumerate(padded)
    )

    answers = list(decode_messages(received))

    assert [(answer.kind, answer.sequence) for answer in answers] == [
        (family, number) for number, (family, _, _) in enumerate(padded)
    ]
    assert [answer.payload[4:] for answer in answers] == [body for _, _, body in padded]


@given(st.binary(max_size=80))
def test_bytes_of_any_kind_are_survived(junk: bytes) -> None:
    for answer in decode_messages(junk):
        assert len(answer.payload) <= len(junk) - 16
    for payload in decode_attributes(junk).values():
        assert len(payload) <= len(junk) - 4
    name, family = parse_family(junk)
    assert "\0" not in name
    assert family.id >= 0


@given(st.binary(max_size=200))
def test_a_message_cut_short_ends_the_list(body: bytes) -> None:
    whole = encode_request(28, 5, 1, body)

    assert list(decode_messages(whole[:-1])) == []


def test_the_high_bits_of_an_attributes_kind_are_flags() -> None:
    assert decode_attributes(struct.pack("=HH", 4, 0x8007)) == {7: b""}


def test_texts_end_at_their_zero_byte_and_numbers_have_any_width() -> None:
    assert decode_text(b"wlan0\0") == "wlan0"
    assert decode_number(struct.pack("=H", 28)) == 28
    assert decode_number(struct.pack("=I", 70000)) == 70000


def test_a_familys_number_and_groups_are_read() -> None:
    group = encode_attribute(1, b"mlme\0") + encode_attribute(2, struct.pack("=I", 11))
    payload = (
        b"\1\2\0\0"
        + encode_attribute(2, b"nl80211\0")
        + encode_attribute(1, struct.pack("=H", 28))
        + encode_attribute(7, encode_attribute(4, group))
    )

    assert parse_family(payload) == ("nl80211", Family(28, {"mlme": 11}))


def test_the_kernels_error_is_raised_by_its_number() -> None:
    with pytest.raises(OSError, match="No such device") as raised:
        raise_for(struct.pack("=i", -errno.ENODEV))

    assert raised.value.errno == errno.ENODEV
    raise_for(struct.pack("=i", 0))
    raise_for(b"")


def test_this_kernel_lists_its_families() -> None:
    with NetlinkSocket() as kernel:
        found = kernel.family("nlctrl")

        assert found is not None
        assert found.id == CONTROLLER
        assert "notify" in found.groups
        assert kernel.family("no such family") is None
        assert len(kernel.dump(CONTROLLER, GET_FAMILY)) > 1


def test_kernel_refuses_an_unknown_family() -> None:
    with NetlinkSocket() as kernel, pytest.raises(OSError, match="No such file or directory"):
        kernel.dump(0x3FF, 5)


def answer(sequence: int, body: bytes, *, flags: int = 2) -> bytes:
    """Lay out one answer and the end of its list."""
    one = struct.pack("=IHHII", 16 + len(body), 28, flags, sequence, 0) + body
    return one + struct.pack("=IHHIIi", 20, 3, flags, sequence, 0, 0)


def test_interrupted_dump_is_requested_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(netlink, "open_socket", lambda: ours)
    with kernels, NetlinkSocket() as kernel:
        kernels.send(answer(1, b"gaps", flags=0x12))
        kernels.send(answer(1, b"late"))
        kernels.send(answer(2, b"full"))

        assert kernel.dump(28, 5) == [b"full"]
