import io
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from deskwire.terminal.console import Colour, Console


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as out:
        yield out
    os.close(ours)


def test_a_terminal_gets_colour(terminal: TextIO) -> None:
    assert Console(terminal, {"TERM": "xterm"}).paint("ok", Colour.GREEN) == "\x1b[32mok\x1b[0m"


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_asks_for_none_gets_none(terminal: TextIO, environ: dict[str, str]) -> None:
    assert Console(terminal, environ).paint("ok", Colour.GREEN) == "ok"


def test_an_empty_no_color_asks_for_nothing(terminal: TextIO) -> None:
    assert Console(terminal, {"NO_COLOR": ""}).paint("ok", Colour.RED) == "\x1b[31mok\x1b[0m"


def test_a_file_gets_no_colour() -> None:
    assert Console(io.StringIO(), {"TERM": "xterm"}).paint("ok", Colour.GREEN) == "ok"


def test_what_cannot_be_shown_becomes_a_question_mark() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    Console(out, {}).write("Björk")
    out.flush()

    assert raw.getvalue() == b"Bj?rk\n"
