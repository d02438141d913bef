import gzip
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import BaseRequest
from multidict import CIMultiDict

from deskwire.server.http.pages import ENCODINGS, FOLDER, INDEX, POLICY, TYPES, Pages, read_pages
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


def asked(**headers: str) -> BaseRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("GET", "/", CIMultiDict(named))


def test_the_page_comes_with_a_policy_that_allows_only_itself(pages: Pages) -> None:
    answer = pages.answer(asked())

    assert answer.body == b"<!doctype html>"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy == POLICY
    assert "unsafe" not in policy
    assert "*" not in policy
    assert answer.headers["Cache-Control"] == "no-cache"


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
def test_a_file_comes_as_small_as_is_accepted(
    pages: Pages, accepted: str, coding: str | None, body: bytes
) -> None:
    answer = pages.answer(asked(Accept_Encoding=accepted), "index-Ab3_-x9Q.js")

    assert answer.headers.get("Content-Encoding") == coding
    assert answer.body == body
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_a_name_with_a_hash_in_it_is_kept_for_ever_and_no_other(pages: Pages) -> None:
    kept = {
        name: pages.answer(asked(), name).headers["Cache-Control"]
        for name in ("index-Ab3_-x9Q.js", "text-12345678.woff2", "icon.svg")
    }

    assert kept == {
        "index-Ab3_-x9Q.js": "public, max-age=31536000, immutable",
        "text-12345678.woff2": "public, max-age=31536000, immutable",
        "icon.svg": "no-cache",
    }


def test_what_is_known_is_not_sent_again(pages: Pages) -> None:
    first = pages.answer(asked(Accept_Encoding="gzip"), "index-Ab3_-x9Q.js")
    tag = first.headers["ETag"]

    again = pages.answer(
        asked(Accept_Encoding="gzip", If_None_Match=f'"other", W/{tag}'), "index-Ab3_-x9Q.js"
    )
    plain = pages.answer(asked(If_None_Match=tag), "index-Ab3_-x9Q.js")

    assert (again.status, again.body) == (304, None)
    assert again.headers["ETag"] == tag
    assert plain.status == 200, "another coding is another representation"


@pytest.mark.parametrize(
    "name", ["nothing.js", ".built-from", "index-Ab3_-x9Q.js.gz", "..", "%2e%2e", "page", ""]
)
def test_only_the_pages_files_are_there(pages: Pages, name: str) -> None:
    with pytest.raises(NotFound):
        pages.answer(asked(), name)


def test_their_kinds_are_told(pages: Pages) -> None:
    kinds = [
        pages.answer(asked(), name).headers["Content-Type"]
        for name in ("deskwire.webmanifest", "text-12345678.woff2", "icon.svg")
    ]

    assert kinds == ["application/manifest+json", "font/woff2", "image/svg+xml"]


def test_every_file_of_the_page_is_of_a_kind_that_is_known() -> None:
    files = [FOLDER / INDEX, *(FOLDER / "page").iterdir()]

    assert {path.suffix for path in files} <= {*TYPES, *ENCODINGS.values()}


def test_an_installation_without_a_page_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="has no page"):
        read_pages(tmp_path / "none").answer(asked())


def test_its_scripts_and_styles_are_small() -> None:
    compressed = [*(FOLDER / "page").glob("*.js.gz"), *(FOLDER / "page").glob("*.css.gz")]

    assert len(compressed) >= 2
    assert sum(file.stat().st_size for file in compressed) <= 90 * 1024


def test_the_built_page_is_in_the_package() -> None:
    answer = read_pages().answer(asked())

    assert b'<div id="page">' in bytes(answer.body or b"")  # type: ignore[arg-type]  # bytes here
