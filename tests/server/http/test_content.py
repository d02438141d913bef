import gzip
import io
from pathlib import Path

import pytest
from aiohttp.abc import AbstractStreamWriter
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import BaseRequest
from multidict import CIMultiDict

from deskwire.art.artwork import Art
from deskwire.server.http.content import (
    CHUNK,
    ENCODINGS,
    FOLDER,
    INDEX,
    MEDIA_TYPES,
    PAGE_SECURITY_POLICY,
    ChunkedPicture,
    Pages,
    read_pages,
)
from deskwire.server.http.problems import NotFound

SCRIPT = b"let a = 1;" * 100
ZIPPED = gzip.compress(SCRIPT, mtime=0)


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    (tmp_path / "page").mkdir()
    (tmp_path / ".built-from").write_text("1")
    (tmp_path / "index.html").write_bytes(b"<!doctype html>")
    for name, content in (
        ("index-Ab3_-x9Q.js", SCRIPT),
        ("index-Ab3_-x9Q.js.gz", ZIPPED),
        ("index-Ab3_-x9Q.js.br", b"brotli"),
        ("icon.svg", b"<svg/>"),
        ("deskwire.webmanifest", b"{}"),
        ("text-12345678.woff2", b"wOF2"),
    ):
        (tmp_path / "page" / name).write_bytes(content)
    return read_pages(tmp_path)


def request(**headers: str) -> BaseRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("GET", "/", CIMultiDict(named))


def test_page_has_a_content_security_policy_of_its_own_origin_only(pages: Pages) -> None:
    response = pages.response(request())

    assert response.body == b"<!doctype html>"
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = response.headers["Content-Security-Policy"]
    assert policy == PAGE_SECURITY_POLICY
    assert "unsafe" not in policy
    assert "*" not in policy
    assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("accepted", "coding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", b"brotli"),
        ("gzip", "gzip", ZIPPED),
        ("br;q=0, gzip;q=0.5", "gzip", ZIPPED),
        ("*", "br", b"brotli"),
        ("identity", None, SCRIPT),
        ("br;q=0.000, gzip; q=0", None, SCRIPT),
        ("", None, SCRIPT),
    ],
)
def test_file_is_sent_in_the_best_accepted_coding(
    pages: Pages, accepted: str, coding: str | None, body: bytes
) -> None:
    response = pages.response(request(Accept_Encoding=accepted), "index-Ab3_-x9Q.js")

    assert response.headers.get("Content-Encoding") == coding
    assert response.body == body
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_only_file_with_a_hash_in_its_name_is_immutable(pages: Pages) -> None:
    cache = {
        name: pages.response(request(), name).headers["Cache-Control"]
        for name in ("index-Ab3_-x9Q.js", "text-12345678.woff2", "icon.svg")
    }

    assert cache == {
        "index-Ab3_-x9Q.js": "public, max-age=31536000, immutable",
        "text-12345678.woff2": "public, max-age=31536000, immutable",
        "icon.svg": "no-cache",
    }


def test_known_etag_gets_304(pages: Pages) -> None:
    first = pages.response(request(Accept_Encoding="gzip"), "index-Ab3_-x9Q.js")
    tag = first.headers["ETag"]

    again = pages.response(
        request(Accept_Encoding="gzip", If_None_Match=f'"other", W/{tag}'), "index-Ab3_-x9Q.js"
    )
    plain = pages.response(request(If_None_Match=tag), "index-Ab3_-x9Q.js")

    assert (again.status, again.body) == (304, None)
    assert again.headers["ETag"] == tag
    assert plain.status == 200, "another coding is another representation"


@pytest.mark.parametrize(
    "name", ["nothing.js", ".built-from", "index-Ab3_-x9Q.js.gz", "..", "%2e%2e", "page", ""]
)
def test_path_outside_the_page_is_not_found(pages: Pages, name: str) -> None:
    with pytest.raises(NotFound):
        pages.response(request(), name)


def test_page_file_has_its_media_type(pages: Pages) -> None:
    types = [
        pages.response(request(), name).headers["Content-Type"]
        for name in ("deskwire.webmanifest", "text-12345678.woff2", "icon.svg")
    ]

    assert types == ["application/manifest+json", "font/woff2", "image/svg+xml"]


def test_every_built_page_file_has_a_known_suffix() -> None:
    files = [FOLDER / INDEX, *(FOLDER / "page").iterdir()]

    assert {path.suffix for path in files} <= {*MEDIA_TYPES, *ENCODINGS.values()}


def test_missing_page_is_not_found_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not installed"):
        read_pages(tmp_path / "none").response(request())


def test_compressed_scripts_and_styles_are_at_most_90_kib() -> None:
    compressed = [*(FOLDER / "page").glob("*.js.gz"), *(FOLDER / "page").glob("*.css.gz")]

    assert len(compressed) >= 2
    assert sum(file.stat().st_size for file in compressed) <= 90 * 1024


def test_built_page_is_in_the_package() -> None:
    response = read_pages().response(request())

    assert b'<div id="page">' in bytes(response.body or b"")  # type: ignore[arg-type]  # bytes here


CONTENT = bytes(range(256)) * 300


class RecordingWriter(AbstractStreamWriter):
    """Writer that records the chunks."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.whole = io.BytesIO()

    async def write(self, chunk: "bytes | bytearray | memoryview[int]") -> None:
        """Record a chunk."""
        self.sizes.append(len(chunk))
        self.whole.write(chunk)

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Do nothing."""

    async def drain(self) -> None:
        """Do nothing."""

    def enable_compression(self, *_: object) -> None:
        """Do nothing."""

    def enable_chunking(self) -> None:
        """Do nothing."""

    async def write_headers(self, *_: object) -> None:
        """Do nothing."""


async def test_picture_is_written_in_chunks_for_a_slow_client() -> None:
    picture, written = ChunkedPicture(Art(CONTENT, "image/png", "tag")), RecordingWriter()

    await picture.write(written)

    assert picture.size == len(CONTENT)
    assert written.whole.getvalue() == CONTENT
    assert max(written.sizes) == CHUNK
