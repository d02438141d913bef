import base64

from hypothesis import given
from hypothesis import strategies as st

from deskwire.tui.kitty import CHUNK, forget, place, send
from tests.support.terminal_emulator import Glass, Placed


def show(*sequences: str) -> Glass:
    glass = Glass(80, 24, (10, 20))
    for each in sequences:
        assert glass.feed(each) == ""
    return glass


@given(st.binary(max_size=3 * CHUNK))
def test_a_picture_arrives_whole_in_pieces_that_are_small_enough(content: bytes) -> None:
    glass = show(send(content))

    assert list(glass.sent.values()) == [content]
    assert glass.longest_chunk <= 4096


def test_a_piece_is_as_large_as_it_may_be() -> None:
    exactly = base64.b64decode("A" * 2 * CHUNK)

    assert send(exactly).count("m=1") == 1
    assert send(exactly + b"\0").count("m=1") == 2


def test_a_picture_is_in_one_place_and_then_in_none() -> None:
    placed = show(send(b"x"), place(18, 9), "\x1b[5;7H", place(20, 10))
    gone = show(send(b"x"), place(18, 9), forget())

    assert list(placed.placed.values()) == [Placed(6, 4, 20, 10)]
    assert (gone.placed, gone.sent) == ({}, {})
