import base64
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deskwire.tui.cover import Cover, indexed, parse_cover
from deskwire.tui.graphics import (
    KITTY_CHUNK,
    CoverArea,
    GraphicsProtocol,
    TerminalGraphics,
    erase_sequence,
    find_cover_area,
    kitty_delete,
    kitty_place,
    kitty_send,
    render_cover,
    sixels,
)
from deskwire.tui.screen import render_screen
from tests.support.terminal_emulator import PlacedPicture, Sixels, TerminalScreen, read_sixels
from tests.tui.views import picture, view

KITTY = TerminalGraphics(GraphicsProtocol.KITTY, (10, 20))
SIXEL = TerminalGraphics(GraphicsProtocol.SIXEL, (9, 18), 16)


@pytest.fixture
def cover() -> Cover:
    cover = parse_cover(picture())
    assert cover is not None
    return cover


def draw(cover: Cover, graphics: TerminalGraphics, *, grey: bool = False) -> TerminalScreen:
    """Draw a cover over text at the third line and column, then write a word."""
    glass = TerminalScreen(80, 24, graphics.cell or (10, 20))
    done = render_cover(cover, graphics, 6, 12, grey=grey)
    glass.feed("".join(f"\x1b[{row};1H{'x' * 30}" for row in range(2, 12)))
    glass.feed(f"{done.setup}\x1b[3;3H{done.draw}word")
    return glass


@pytest.mark.parametrize("graphics", [KITTY, SIXEL])
def test_cover_is_drawn_in_its_cells_only(cover: Cover, graphics: TerminalGraphics) -> None:
    glass = draw(cover, graphics)

    assert glass.covered == {(x, y) for x in range(2, 14) for y in range(2, 8)}
    assert glass.text.splitlines()[1:9] == [
        "x" * 30,
        "xx" + " " * 12 + "word" + "x" * 12,
        *["xx" + " " * 12 + "x" * 16] * 5,
        "x" * 30,
    ]


def test_erase_sequence_removes_a_kitty_picture(cover: Cover) -> None:
    glass = draw(cover, KITTY)
    glass.feed(erase_sequence(KITTY))

    assert not glass.covered
    assert erase_sequence(SIXEL) == erase_sequence(TerminalGraphics()) == ""


def test_stale_cover_is_grey(cover: Cover) -> None:
    (content,) = draw(cover, KITTY, grey=True).sent.values()
    with Image.open(io.BytesIO(content)) as image:
        red, green, blue = (part.tobytes() for part in image.convert("RGB").split())

    assert red == green == blue


@pytest.mark.parametrize(("width", "height", "aspect"), [(80, 24, 2), (132, 36, 2), (80, 24, 2.5)])
def test_lines_leave_an_area_for_the_cover_of_the_selected_player(
    cover: Cover, width: int, height: int, aspect: float
) -> None:
    graphics = TerminalGraphics(GraphicsProtocol.SIXEL, (8, round(8 * aspect)))
    area = find_cover_area(render_screen(view(cover=cover, graphics=graphics), width, height))

    assert area is not None
    assert area.rows >= 5
    assert area.columns == round(aspect * area.rows)


@pytest.mark.parametrize("graphics", [TerminalGraphics(), TerminalGraphics(GraphicsProtocol.NONE)])
def test_lines_without_a_picture_have_no_area(cover: Cover, graphics: TerminalGraphics) -> None:
    assert find_cover_area(render_screen(view(cover=cover, graphics=graphics), 80, 24)) is None
    assert find_cover_area(render_screen(view(graphics=SIXEL), 80, 24)) is None


def test_cover_area_is_the_free_cells(cover: Cover) -> None:
    lines = render_screen(view(cover=cover, graphics=KITTY), 80, 24)
    area = find_cover_area(lines)

    assert isinstance(area, CoverArea)
    assert "Mozilla" not in lines[area.top][0].text
    assert [line[0].text for line in lines[area.top : area.top + area.rows]] == ["▌ "] * area.rows


def fed(*sequences: str) -> TerminalScreen:
    glass = TerminalScreen(80, 24, (10, 20))
    for each in sequences:
        assert glass.feed(each) == ""
    return glass


@given(st.binary(max_size=3 * KITTY_CHUNK))
def test_kitty_picture_arrives_in_chunks_of_at_most_4096_bytes(content: bytes) -> None:
    glass = fed(kitty_send(content))

    assert list(glass.sent.values()) == [content]
    assert glass.longest_chunk <= 4096


def test_kitty_chunk_is_as_large_as_allowed() -> None:
    exactly = base64.b64decode("A" * 2 * KITTY_CHUNK)

    assert kitty_send(exactly).count("m=1") == 1
    assert kitty_send(exactly + b"\0").count("m=1") == 2


def test_kitty_picture_moves_and_is_deleted() -> None:
    placed = fed(kitty_send(b"x"), kitty_place(18, 9), "\x1b[5;7H", kitty_place(20, 10))
    gone = fed(kitty_send(b"x"), kitty_place(18, 9), kitty_delete())

    assert list(placed.placed.values()) == [PlacedPicture(6, 4, 20, 10)]
    assert (gone.placed, gone.sent) == ({}, {})


@st.composite
def pictures(draw: Any) -> tuple[int, int, bytes, bytes]:
    """Generate pictures of a few runs of a few colours."""
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 20))
    palette = draw(st.binary(min_size=3, max_size=3 * 256).map(lambda b: b[: len(b) // 3 * 3]))
    runs = st.tuples(st.integers(0, len(palette) // 3 - 1), st.integers(1, 60))
    pixels = b"".join(bytes([each]) * many for each, many in draw(st.lists(runs, max_size=30)))
    return width, height, palette, pixels.ljust(width * height, b"\0")[: width * height]


@given(pictures())
def test_sixels_are_read_back_as_the_same_picture(
    generated: tuple[int, int, bytes, bytes],
) -> None:
    width, height, palette, pixels = generated
    read = read_sixels(sixels(width, height, palette, pixels))

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
    return read_sixels(sixels(30, 20, *indexed(cover, 30, 20, 16, grey=grey)))


def test_sixel_cover_has_its_colours() -> None:
    colours = cover_in_sixels(grey=False).pixels

    assert colours[0, 0] == colours[29, 5] == (100, 0, 0)
    assert colours[0, 19] == colours[29, 14] == (0, 0, 100)


def test_stale_sixel_cover_is_grey() -> None:
    colours = set(cover_in_sixels(grey=True).pixels.values())

    assert len(colours) >= 2
    assert all(red == green == blue <= 50 for red, green, blue in colours)


def test_sixel_runs_are_compressed() -> None:
    assert len(sixels(480, 480, b"\0\0\0", bytes(480 * 480))) < 1000
