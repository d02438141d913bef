import pytest

from deskwire.protocol.websocket.serializer import close_frame, ping_frame, pong_frame, text_frame


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_text_frame_is_whole_and_unmasked(length: int, header: bytes) -> None:
    assert text_frame(b"x" * length) == header + b"x" * length


def test_close_frame_has_its_code_and_reason() -> None:
    assert close_frame(4004, "token expired") == b"\x88\x0f\x0f\xa4token expired"


def test_long_reason_is_cut_between_characters() -> None:
    frame = close_frame(1000, "é" * 100)

    assert frame[1] <= 125
    assert frame[4:].decode() == "é" * 61


def test_close_frame_without_a_code_is_empty() -> None:
    assert close_frame(None) == b"\x88\x00"


def test_ping_and_pong_carry_their_payload() -> None:
    assert ping_frame() == b"\x89\x00"
    assert pong_frame(b"abc") == b"\x8a\x03abc"
