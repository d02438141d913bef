import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.conformance import frames
from deskwire.conformance.frames import (
    CLOSE,
    TEXT,
    Frame,
    close_frame,
    frame,
    oversized_head,
    read_frame,
)


def read(content: bytes) -> Frame:
    async def main() -> Frame:
        reader = asyncio.StreamReader()
        reader.feed_data(content)
        reader.feed_eof()
        return await read_frame(reader)

    return asyncio.run(main())


@given(
    st.binary(max_size=70_000), st.booleans(), st.integers(0, 7), st.integers(0, 15), st.booleans()
)
def test_frame_survives_encoding_and_decoding(
    payload: bytes, final: bool, reserved: int, opcode: int, mask: bool
) -> None:
    written = frame(opcode, payload, final=final, reserved=reserved, mask=mask)

    assert read(written) == Frame(final, reserved, opcode, mask, payload)


def test_the_examples_of_the_rfc_are_read() -> None:
    unmasked = bytes([0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
    masked = bytes([0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])

    assert read(unmasked) == Frame(True, 0, TEXT, False, b"Hello")
    assert read(masked) == Frame(True, 0, TEXT, True, b"Hello")
    assert frame(TEXT, b"Hello", mask=False) == unmasked


def test_a_close_carries_its_code() -> None:
    assert read(close_frame(4001, "no")).payload == b"\x0f\xa1no"
    assert read(close_frame(None)) == Frame(True, 0, CLOSE, True, b"")


def test_an_immense_frame_is_not_waited_for() -> None:
    with pytest.raises(ValueError, match=str(1 << 40)):
        read(oversized_head(1 << 40))


def test_a_frame_cut_short_is_an_end() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        read(frame(frames.PING, b"whole")[:-1])
