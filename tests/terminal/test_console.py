import io
import os
import pty
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from deskwire.terminal.console import Colour, Console, align_columns, read_password_line


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as out:
        yield out
    os.close(ours)


def test_terminal_gets_colour(terminal: TextIO) -> None:
    assert Console(terminal, {"TERM": "xterm"}).paint("ok", Colour.GREEN) == "\x1b[32mok\x1b[0m"


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_or_dumb_gets_no_colour(terminal: TextIO, environ: dict[str, str]) -> None:
    assert Console(terminal, environ).paint("ok", Colour.GREEN) == "ok"


def test_empty_no_color_has_no_effect(terminal: TextIO) -> None:
    assert Console(terminal, {"NO_COLOR": ""}).paint("ok", Colour.RED) == "\x1b[31mok\x1b[0m"


def test_file_gets_no_colour() -> None:
    assert Console(io.StringIO(), {"TERM": "xterm"}).paint("ok", Colour.GREEN) == "ok"


def test_unencodable_character_becomes_a_question_mark() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    Console(out, {}).write("Björk")
    out.flush()

    assert raw.getvalue() == b"Bj?rk\n"


def test_columns_are_aligned_without_trailing_blanks() -> None:
    assert align_columns([("a", "bb", "c"), ("aaa", "b", "")]) == ["a    bb  c", "aaa  b"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (b"\xef\xbb\xbfcorrect horse\r\n", "correct horse"),
        (b"correct horse", "correct horse"),
        (b"\xef\xbb\xbf\n", ""),
        (b"a\xef\xbb\xbfb\n", "a\ufeffb"),
        (b"\xff\xfec\x00\n", "\udcff\udcfec\x00"),
    ],
)
def test_byte_order_mark_is_no_part_of_a_password(
    monkeypatch: pytest.MonkeyPatch, given: bytes, line: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))

    assert read_password_line() == line
