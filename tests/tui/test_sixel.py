from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deskwire.tui.cover import indexed, parse_cover
from deskwire.tui.sixel import encode
from tests.support.sixels import Sixels, read_sixels
from tests.tui.scenes import picture


@st.composite
def pictures(draw: Any) -> tuple[int, int, bytes, bytes]:
    """Draw pictures of a few runs of a few colours."""
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 20))
    palette = draw(st.binary(min_size=3, max_size=3 * 256).map(lambda b: b[: len(b) // 3 * 3]))
    runs = st.tuples(st.integers(0, len(palette) // 3 - 1), st.integers(1, 60))
    pixels = b"".join(bytes([each]) * many for each, many in draw(st.lists(runs, max_size=30)))
    return width, height, palette, pixels.ljust(width * height, b"\0")[: width * height]


@given(pictures())
def test_what_a_terminal_reads_back_is_the_picture(
    given_: tuple[int, int, bytes, bytes],
) -> None:
    width, height, palette, pixels = given_
    read = read_sixels(encode(width, height, palette, pixels))

    assert (read.width, read.height) == (width, height)
    assert read.pixels == {
        (at % width, at // width): tuple(
            round(part / 2.55) for part in palette[3 * each : 3 * each + 3]
        )
        for at, each in enumerate(pixels)
    }


def cover_in_sixels(*, grey: bool) -> Sixels:
    cover = parse_cover(picture())
    assert cover is not None
    return read_sixels(encode(30, 20, *indexed(cover, 30, 20, 16, grey=grey)))


def test_a_cover_has_its_colours_and_no_others_where_it_is_of_one() -> None:
    colours = cover_in_sixels(grey=False).pixels

    assert colours[0, 0] == colours[29, 5] == (100, 0, 0)
    assert colours[0, 19] == colours[29, 14] == (0, 0, 100)


def test_a_cover_of_a_desk_that_is_away_has_none() -> None:
    colours = set(cover_in_sixels(grey=True).pixels.values())

    assert len(colours) >= 2
    assert all(red == green == blue <= 50 for red, green, blue in colours)


def test_runs_are_short() -> None:
    assert len(encode(480, 480, b"\0\0\0", bytes(480 * 480))) < 1000
