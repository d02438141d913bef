import io
import random
import re
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deskwire.art.dimensions import MAX_PIXELS, dimensions
from deskwire.art.picture import NotAPicture, make_art, media_type
from tests.support.media import KINDS

WIDTH, HEIGHT = 123, 77
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF")


def encoded(kind: str, **options: object) -> bytes:
    """Return a picture that Pillow has encoded."""
    noise = Image.frombytes("RGB", (WIDTH, HEIGHT), random.Random(1).randbytes(3 * WIDTH * HEIGHT))
    buffer = io.BytesIO()
    noise.save(buffer, kind, **options)
    return buffer.getvalue()


def animated(kind: str) -> bytes:
    return encoded(kind, save_all=True, append_images=[Image.new("RGB", (WIDTH, HEIGHT), "red")])


@pytest.mark.parametrize(
    "content",
    [
        *map(encoded, FORMATS),
        *map(animated, ("PNG", "GIF", "WEBP", "AVIF")),
        encoded("JPEG", progressive=True, exif=b"Exif\0\0" + bytes(40_000), comment=b"\xff\xc0"),
        encoded("WEBP", lossless=True),
        encoded("WEBP", exif=b"Exif\0\0"),
        encoded("GIF", comment=b"x" * 2000),
        encoded("JPEG").replace(b"\xff\xdb", b"junk\xff\xff\xff\xdb", 1),
    ],
)
def test_dimensions_are_those_that_pillow_decodes(content: bytes) -> None:
    kind = media_type(content)
    assert kind is not None

    assert dimensions(kind, content) == (WIDTH, HEIGHT)
    assert make_art(content).content == content


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Return a function that replaces the first match of a pattern."""
    return lambda content: re.sub(old, lambda _: new, content, count=1, flags=re.DOTALL)


LARGE: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "png": (encoded("PNG"), replaced(rb"IHDR.{8}", b"IHDR" + struct.pack(">II", 20_000, 20_000))),
    "png-wide": (encoded("PNG"), replaced(rb"IHDR.{4}", b"IHDR\x7f\xff\xff\xff")),
    "apng": (animated("PNG"), replaced(rb"IHDR.{4}", b"IHDR\x00\x10\x00\x00")),
    "jpeg": (
        encoded("JPEG"),
        replaced(rb"\xff\xc0...{5}", b"\xff\xc0\x00\x11\x08\xff\xff\xff\xff"),
    ),
    "jpeg-progressive": (
        encoded("JPEG", progressive=True),
        replaced(rb"\xff\xc2...{5}", b"\xff\xc2\x00\x11\x08\xff\xff\xff\xff"),
    ),
    "gif-screen": (encoded("GIF"), replaced(rb"GIF8.a.{4}", b"GIF89a\xff\xff\xff\xff")),
    "gif-frame": (
        encoded("GIF", comment=b"x" * 999),
        replaced(rb",\x00{4}\x7b\x00\x4d\x00", b",\x00\x00\x00\x00\xff\xff\xff\xff"),
    ),
    "webp": (encoded("WEBP"), replaced(rb"\x9d\x01\x2a.{4}", b"\x9d\x01\x2a\xff\x3f\xff\x3f")),
    "webp-lossless": (
        encoded("WEBP", lossless=True),
        replaced(rb"(?<=VP8L.{4}\x2f).{4}", b"\xff" * 4),
    ),
    "webp-extended": (animated("WEBP"), replaced(rb"(?<=VP8X.{8}).{6}", b"\xff" * 6)),
    "avif": (
        encoded("AVIF"),
        replaced(rb"ispe.{12}", b"ispe" + struct.pack(">III", 0, 1 << 16, 1 << 16)),
    ),
    "avif-sequence": (
        animated("AVIF"),
        replaced(rb"(?<=av01\x00{6}\x00\x01.{16}).{4}", b"\xff\xff\xff\xff"),
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_picture_of_too_many_pixels_is_refused(name: str) -> None:
    content, enlarge = LARGE[name]
    make_art(content)
    large = enlarge(content)
    assert large != content

    with pytest.raises(NotAPicture, match="pixels"):
        make_art(large)


@pytest.mark.parametrize(("width", "height"), [(8000, 5000), (40_000_000, 1)])
def test_picture_of_40_million_pixels_is_accepted_and_one_row_more_refused(
    width: int, height: int
) -> None:
    head, tail = encoded("PNG")[:16], encoded("PNG")[24:]
    assert width * height == MAX_PIXELS

    make_art(head + struct.pack(">II", width, height) + tail)
    with pytest.raises(NotAPicture, match=f"{width} x {height + 1} pixels, the limit is 40000000"):
        make_art(head + struct.pack(">II", width, height + 1) + tail)


@pytest.mark.parametrize("name", FORMATS)
def test_picture_without_dimensions_is_refused(name: str) -> None:
    content = encoded(name)

    for end in (12, 20, 23):
        with pytest.raises(NotAPicture):
            make_art(content[:end])


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0\x00\x02" * 1_000_000,
        b"\xff\xd8" + b"\xff" * 8_000_000,
        b"\xff\xd8\xff" + b"\x00\xff" * 4_000_000,
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00" + b"\x21\xfe\x00" * 2_000_000,
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00\x21\xfe" + b"\x01\x00" * 4_000_000,
        KINDS["image/avif"][:28] + b"\x00\x00\x00\x08free" * 1_000_000,
    ],
    ids=range(6),
)
def test_header_that_never_ends_is_refused(content: bytes) -> None:
    with pytest.raises(NotAPicture):
        make_art(content)


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=200))
def test_any_bytes_have_dimensions_or_none(kind: str, rest: bytes) -> None:
    for content in (rest, KINDS[kind][:12] + rest, KINDS[kind] + rest):
        size = dimensions(kind, content)
        assert size is None or min(size) > 0
