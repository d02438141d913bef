import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.art.art_url import (
    LONGEST_INLINE,
    Inline,
    Local,
    Remote,
    parse_address,
)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///tmp/.org.chromium.Chromium.NUnytm", "/tmp/.org.chromium.Chromium.NUnytm"),
        ("file:///home/ann/Caf%C3%A9%20%26%20Bar.jpg", "/home/ann/Café & Bar.jpg"),
        ("file:///home/ann/not escaped.jpg", "/home/ann/not escaped.jpg"),
        ("file:///music/Album #1?/100%.png", "/music/Album #1?/100%.png"),
        ("file://localhost/a.png", "/a.png"),
        ("FILE:/a.png", "/a.png"),
        ("/a/plain%20path.png", "/a/plain%20path.png"),
        ("file:///a/../b/./c//d.png", "/b/c/d.png"),
        ("file:////a.png", "/a.png"),
        ("file:///../../etc/passwd", "/etc/passwd"),
    ],
)
def test_a_file_is_named_in_the_ways_players_do(address: str, path: str) -> None:
    assert parse_address(address) == Local(path)


def test_a_path_that_is_no_utf8_keeps_its_bytes() -> None:
    local = parse_address("file:///tmp/caf%E9.png")

    assert isinstance(local, Local)
    assert local.raw == b"/tmp/caf\xe9.png"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "cover.png",
        "file://elsewhere/a.png",
        "file:///a%00b.png",
        "file:relative.png",
        "/" + "a" * 4095,
        "ftp://example.org/a.png",
        "javascript:alert(1)",
        "http://",
        "http://ann:secret@example.org/a.png",
        "https://[::1/a.png",
        "http://example.org:0/a.png",
        "http://example.org:99999/a.png",
        "http://example.org/a\r\nHost: b",
        "http://example.org/" + "a" * 20_000,
        "data:" + "a" * (LONGEST_INLINE + 1),
    ],
)
def test_unsupported_address_is_refused(address: str) -> None:
    assert parse_address(address) is None


def test_an_address_on_the_web_is_remote() -> None:
    assert parse_address("https://i.scdn.co/image/ab67?x=1") == Remote(
        "https://i.scdn.co/image/ab67?x=1"
    )


@pytest.mark.parametrize(
    "body",
    [
        "data:image/png;base64," + base64.b64encode(b"\x89PNG>>>???").decode(),
        "data:image/png;base64,iVBORz4%2BPj8%2FPw%3D%3D",
        "data:image/png;base64,iVBO\nRz4+Pj8/Pw==",
        "data:,%89PNG%3E%3E%3E%3F%3F%3F",
        "DATA:image/png;BASE64,iVBORz4+Pj8/Pw==",
        "data:image/png;base64,iVBORz4+Pj8/Pw",
        "data:image/png;base64,iVBORz4+Pj8/Pw=",
        "data:image/png;base64,iVBORz4-Pj8_Pw==",
        "data:image/png;base64,iVBORz4-Pj8_Pw",
        "data:image/png;base64,iVBO\r\n Rz4+Pj8/Pw",
        "data:image/png; base64 ,iVBORz4+Pj8/Pw==",
        "data:image/png;base64;charset=utf-8,iVBORz4+Pj8/Pw==",
        "data:;base64,iVBORz4+Pj8/Pw==",
        " data:image/png;base64,iVBORz4+Pj8/Pw==\n",
    ],
)
def test_a_picture_in_an_address_is_decoded(body: str) -> None:
    inline = parse_address(body)

    assert isinstance(inline, Inline)
    assert inline.content() == b"\x89PNG>>>???"


@pytest.mark.parametrize("body", ["data:image/png;base64,A", "data:", "data:image/png;base64"])
def test_a_picture_that_cannot_be_decoded_is_empty(body: str) -> None:
    inline = parse_address(body)

    assert isinstance(inline, Inline)
    assert inline.content() == b""


@given(st.text() | st.text().map("file://".__add__) | st.text().map("data:".__add__))
def test_any_address_is_survived(address: str) -> None:
    found = parse_address(address)

    if isinstance(found, Local):
        assert found.raw.startswith(b"/")
        assert b"\0" not in found.raw
        assert b"/../" not in found.raw + b"/"
    if isinstance(found, Inline):
        found.content()
