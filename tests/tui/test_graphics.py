import io

import pytest
from PIL import Image

from deskwire.tui.cover import Cover, parse_cover
from deskwire.tui.graphics import (
    CoverArea,
    GraphicsProtocol,
    TerminalGraphics,
    erasure,
    find_cover_area,
    painting,
)
from deskwire.tui.screen import render_screen
from tests.support.terminal_emulator import Glass
from tests.tui.scenes import picture, scene

KITTY, SIXEL = (
    TerminalGraphics(GraphicsProtocol.KITTY, (10, 20)),
    TerminalGraphics(GraphicsProtocol.SIXEL, (9, 18), 16),
)


@pytest.fixture
def cover() -> Cover:
    cover = parse_cover(picture())
    assert cover is not None
    return cover


def paint(cover: Cover, canvas: TerminalGraphics, *, away: bool = False) -> Glass:
    """Paint at the third line and column, over text; then write a word."""
    glass = Glass(80, 24, canvas.cell or (10, 20))
    done = painting(cover, canvas, 6, 12, away=away)
    glass.feed("".join(f"\x1b[{row};1H{'x' * 30}" for row in range(2, 12)))
    glass.feed(f"{done.send}\x1b[3;3H{done.paint}word")
    return glass


@pytest.mark.parametrize("canvas", [KITTY, SIXEL])
def test_a_cover_is_in_its_cells_and_nothing_else_is(
    cover: Cover, canvas: TerminalGraphics
) -> None:
    glass = paint(cover, canvas)

    assert glass.covered == {(x, y) for x in range(2, 14) for y in range(2, 8)}
    assert glass.text.splitlines()[1:9] == [
        "x" * 30,
        "xx" + " " * 12 + "word" + "x" * 12,
        *["xx" + " " * 12 + "x" * 16] * 5,
        "x" * 30,
    ]


def test_what_writing_does_not_wipe_out_is_erased(cover: Cover) -> None:
    glass = paint(cover, KITTY)
    glass.feed(erasure(KITTY))

    assert not glass.covered
    assert erasure(SIXEL) == erasure(TerminalGraphics()) == ""


def test_the_cover_of_a_desk_that_is_away_is_grey(cover: Cover) -> None:
    (content,) = paint(cover, KITTY, away=True).sent.values()
    with Image.open(io.BytesIO(content)) as image:
        red, green, blue = (part.tobytes() for part in image.convert("RGB").split())

    assert red == green == blue


@pytest.mark.parametrize(("width", "height", "aspect"), [(80, 24, 2), (132, 36, 2), (80, 24, 2.5)])
def test_a_screen_leaves_room_for_the_cover_of_the_selected_player(
    cover: Cover, width: int, height: int, aspect: float
) -> None:
    canvas = TerminalGraphics(GraphicsProtocol.SIXEL, (8, round(8 * aspect)))
    place = find_cover_area(render_screen(scene(cover=cover, canvas=canvas), width, height))

    assert place is not None
    assert place.rows >= 5
    assert place.columns == round(aspect * place.rows)


@pytest.mark.parametrize("canvas", [TerminalGraphics(), TerminalGraphics(GraphicsProtocol.NONE)])
def test_no_room_is_left_where_nothing_is_painted_past_the_cells(
    cover: Cover, canvas: TerminalGraphics
) -> None:
    assert find_cover_area(render_screen(scene(cover=cover, canvas=canvas), 80, 24)) is None
    assert find_cover_area(render_screen(scene(canvas=SIXEL), 80, 24)) is None


def test_a_place_is_where_the_room_is(cover: Cover) -> None:
    lines = render_screen(scene(cover=cover, canvas=KITTY), 80, 24)
    place = find_cover_area(lines)

    assert isinstance(place, CoverArea)
    assert "Mozilla" not in lines[place.top][0].text
    assert [line[0].text for line in lines[place.top : place.top + place.rows]] == [
        "▌ "
    ] * place.rows
