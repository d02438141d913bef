import pytest

from deskwire.tui.cover import Cover, parse_cover
from deskwire.tui.covers import CoverRenderer
from deskwire.tui.graphics import CoverArea, GraphicsProtocol, RenderedCover, TerminalGraphics
from tests.support.waiting import until_async
from tests.tui.views import picture

SIXEL = TerminalGraphics(GraphicsProtocol.SIXEL, (8, 16))
SMALL, LARGE = CoverArea(0, 5, 10), CoverArea(0, 6, 12)


@pytest.fixture
def cover() -> Cover:
    cover = parse_cover(picture())
    assert cover is not None
    return cover


async def rendered(
    renderer: CoverRenderer, cover: Cover, area: CoverArea, *, grey: bool = False
) -> RenderedCover:
    """Wait for the result."""
    return await until_async(
        lambda: renderer.render(cover, SIXEL, area, grey=grey), within=15, what="a rendered cover"
    )


async def test_rendered_cover_appears_later_and_stays(cover: Cover) -> None:
    renderer = CoverRenderer()
    first = renderer.render(cover, SIXEL, SMALL, grey=False)
    done = await rendered(renderer, cover, SMALL)

    assert first is None
    assert renderer.render(cover, SIXEL, SMALL, grey=False) is done


async def test_cover_of_another_size_is_not_shown_meanwhile(cover: Cover) -> None:
    renderer = CoverRenderer()
    small = await rendered(renderer, cover, SMALL)
    first = renderer.render(cover, SIXEL, LARGE, grey=False)
    large = await rendered(renderer, cover, LARGE)

    assert first is None
    assert large != small


async def test_coloured_cover_is_shown_until_the_grey_one_is_ready(cover: Cover) -> None:
    renderer = CoverRenderer()
    colours = await rendered(renderer, cover, SMALL)
    first = renderer.render(cover, SIXEL, SMALL, grey=True)
    await until_async(
        lambda: renderer.render(cover, SIXEL, SMALL, grey=True) is not colours, within=15
    )

    assert first is colours


async def test_missing_cover_or_area_renders_nothing(cover: Cover) -> None:
    renderer = CoverRenderer()
    await rendered(renderer, cover, SMALL)

    assert renderer.render(None, SIXEL, SMALL, grey=False) is None
    assert renderer.render(cover, SIXEL, None, grey=False) is None
    assert renderer.render(cover, SIXEL, SMALL, grey=False) is None
    renderer.cancel()
