import io

import pytest
from PIL import Image

from deskwire.tui.cover import columns_of, half_blocks, parse_cover
from tests.support.media import KINDS, SVG
from tests.tui.views import picture

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_half_blocks_have_two_pixels_in_each_cell(kind: str) -> None:
    cover = parse_cover(picture(kind=kind))

    assert cover is not None
    upper, middle, lower = half_blocks(cover, 2, 3)
    assert [(span.text, span.front, span.back) for span in upper] == [("▀", RED, RED)] * 2
    assert [(span.front, span.back) for span in middle] == [(RED, BLUE)] * 2
    assert [(span.front, span.back) for span in lower] == [(BLUE, BLUE)] * 2


def test_jpeg_is_decoded() -> None:
    cover = parse_cover(picture(kind="JPEG"))

    assert cover is not None
    assert half_blocks(cover, 1, 1)[0][0].back != RED


@pytest.mark.parametrize("content", [b"", SVG, *KINDS.values(), picture()[:-40]])
def test_unreadable_content_is_no_cover(content: bytes) -> None:
    assert parse_cover(content) is None


def test_picture_with_too_many_pixels_is_no_cover() -> None:
    content = io.BytesIO()
    Image.new("1", (8000, 6000)).save(content, "PNG")

    assert parse_cover(content.getvalue()) is None


@pytest.mark.parametrize(
    ("width", "height", "columns"), [(40, 40, 20), (80, 40, 40), (400, 10, 40), (10, 400, 2)]
)
def test_cover_keeps_its_shape_up_to_a_limit(width: int, height: int, columns: int) -> None:
    cover = parse_cover(picture(width, height))

    assert cover is not None
    assert columns_of(cover, 10) == columns
