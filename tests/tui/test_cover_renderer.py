import pytest

from deskwire.tui.cover import Cover, parse_cover
from deskwire.tui.cover_renderer import CoverRenderer
from deskwire.tui.graphics import CoverArea, GraphicsProtocol, RenderedCover, TerminalGraphics
from tests.support.waiting import until_async
from tests.tui.scenes import picture

SIXEL = TerminalGraphics(GraphicsProtocol.SIXEL, (8, 16))
SMALL, LARGE = CoverArea(0, 5, 10), CoverArea(0, 6, 12)


@pytest.fixture
def cover() -> Cover:
    cover = parse_cover(picture())
    assert cover is not None
    return cover


async def painted(
    easel: CoverRenderer, cover: Cover, place: CoverArea, *, away: bool = False
) -> RenderedCover:
    """Look until it is there."""
    return await until_async(
        lambda: easel.painting(cover, SIXEL, place, away=away), within=15, what="a painting"
    )


async def test_a_painting_is_there_in_a_while_and_stays(cover: Cover) -> None:
    easel = CoverRenderer()
    at_once = easel.painting(cover, SIXEL, SMALL, away=False)
    done = await painted(easel, cover, SMALL)

    assert at_once is None
    assert easel.painting(cover, SIXEL, SMALL, away=False) is done


async def test_a_painting_of_another_size_is_not_shown_meanwhile(cover: Cover) -> None:
    easel = CoverRenderer()
    small = await painted(easel, cover, SMALL)
    at_once = easel.painting(cover, SIXEL, LARGE, away=False)
    large = await painted(easel, cover, LARGE)

    assert at_once is None
    assert large != small


async def test_a_painting_in_colours_is_shown_until_the_grey_one_is_there(cover: Cover) -> None:
    easel = CoverRenderer()
    colours = await painted(easel, cover, SMALL)
    at_once = easel.painting(cover, SIXEL, SMALL, away=True)
    await until_async(
        lambda: easel.painting(cover, SIXEL, SMALL, away=True) is not colours, within=15
    )

    assert at_once is colours


async def test_where_there_is_no_cover_there_is_no_painting(cover: Cover) -> None:
    easel = CoverRenderer()
    await painted(easel, cover, SMALL)

    assert easel.painting(None, SIXEL, SMALL, away=False) is None
    assert easel.painting(cover, SIXEL, None, away=False) is None
    assert easel.painting(cover, SIXEL, SMALL, away=False) is None
    easel.clear()
