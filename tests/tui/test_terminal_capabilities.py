import os
import pty
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deskwire.model.units import Seconds
from deskwire.tui.graphics import GraphicsProtocol, TerminalGraphics
from deskwire.tui.terminal_capabilities import (
    LONGEST,
    WHO,
    TerminalAnswers,
    asked,
    canvas_of,
    detect_graphics,
    parse_answers,
    second_question,
)
from tests.support.picture_terminal import ANSWERS, COLOURS, DA1, KITTY, NAME

CELL = (10, 20)
XTERM = b"\x1bP>|XTerm(379)\x1b\\\x1b[?63;1;2;4;6;9;15;16;22;28c"
KITTY_SPOKEN = b"\x1b_Gi=1684370283;OK\x1b\\\x1b[?62;52;c"
SIXELS_TOLD = b"\x1b[?1;0;16S\x1b[6;20;10t\x1b[?63;4c"


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (b"", TerminalAnswers()),
        (XTERM, TerminalAnswers(whole=True, name="XTerm(379)", sixel=True)),
        (b"\x1b[?62;22c", TerminalAnswers(whole=True)),
        (b"\x1b[?4c", TerminalAnswers(whole=True)),
        (b"\x1b[?1;44;14c", TerminalAnswers(whole=True)),
        (KITTY_SPOKEN, TerminalAnswers(whole=True, kitty=True)),
        (b"\x1b_Gi=1684370283;ENOTSUPPORTED:no\x1b\\\x1b[?62c", TerminalAnswers(whole=True)),
        (b"\x1b_Gi=7;OK\x1b\\\x1b[?62c", TerminalAnswers(whole=True)),
        (SIXELS_TOLD, TerminalAnswers(whole=True, sixel=True, colours=16, cell=CELL)),
        (b"\x1b[?1;3;0S\x1b[?63;4c", TerminalAnswers(whole=True, sixel=True)),
        (b"\x1b[6;0;0t\x1b[?62c", TerminalAnswers(whole=True)),
        (b"\x1b[6;9999;9999t\x1b[?62c", TerminalAnswers(whole=True)),
        (b"n\x1b[A" + XTERM + b"q", TerminalAnswers(whole=True, name="XTerm(379)", sixel=True)),
        (b"\x1bP>|\x1b[2J\x1b\\\x1b[?62c", TerminalAnswers(whole=True)),
        (b"\x1bP>|" + b"x" * 3000 + b"\x1b\\\x1b[?62c", TerminalAnswers(whole=True)),
    ],
)
def test_what_a_terminal_says_is_read(said: bytes, answers: TerminalAnswers) -> None:
    assert parse_answers(said) == answers


@pytest.mark.parametrize("said", [XTERM, KITTY_SPOKEN, SIXELS_TOLD])
def test_half_an_answer_is_not_the_last(said: bytes) -> None:
    assert not any(parse_answers(said[:end]).whole for end in range(len(said)))


@given(st.binary(max_size=200) | st.text("\x1b[?]P_G>|;=,0123456789cStOKi\\").map(str.encode))
@example(b"\x1b[?" + b"9" * 64 + b"c")
@example(b"\x1b[6;0020;0010t")
def test_whatever_is_said_is_read(said: bytes) -> None:
    answers = parse_answers(said)

    assert answers.name.isprintable()
    assert answers.cell is None or 0 < answers.cell[0] < answers.cell[1] * 3


@pytest.mark.parametrize(
    ("first", "asked_for"),
    [
        (TerminalAnswers(name="kitty(0.42.1)"), {KITTY}),
        (TerminalAnswers(name="WezTerm 2024", sixel=True), {KITTY, COLOURS}),
        (TerminalAnswers(sixel=True), {COLOURS}),
        (TerminalAnswers(name="tmux 3.5a", sixel=True), {COLOURS}),
        (TerminalAnswers(name="tmux 3.3a"), set()),
        (TerminalAnswers(), set()),
    ],
)
def test_a_terminal_is_asked_nothing_it_would_print(
    first: TerminalAnswers, asked_for: set[str]
) -> None:
    question = second_question(first)

    assert {each for each in (KITTY, COLOURS) if each in question} == asked_for
    assert question.endswith(DA1) == bool(asked_for)


@pytest.mark.parametrize(
    ("first", "second", "canvas"),
    [
        (
            TerminalAnswers(name="kitty", sixel=True),
            TerminalAnswers(kitty=True),
            TerminalGraphics(GraphicsProtocol.KITTY, CELL),
        ),
        (
            TerminalAnswers(name="foot", sixel=True),
            TerminalAnswers(colours=1024),
            TerminalGraphics(GraphicsProtocol.SIXEL, CELL, 1024),
        ),
        (
            TerminalAnswers(name="tmux 3.5a"),
            TerminalAnswers(kitty=True),
            TerminalGraphics(GraphicsProtocol.BLOCKS, CELL),
        ),
        (
            TerminalAnswers(),
            TerminalAnswers(kitty=True),
            TerminalGraphics(GraphicsProtocol.BLOCKS, CELL),
        ),
    ],
)
def test_the_best_there_is_is_taken(
    first: TerminalAnswers, second: TerminalAnswers, canvas: TerminalGraphics
) -> None:
    assert canvas_of(first, second, CELL) == canvas


class Line:
    """A terminal line, and who answers at its end."""

    def __init__(self, ours: int, theirs: int) -> None:
        self.ours, self.theirs = ours, theirs
        self.heard = b""

    def answer(self, answers: dict[str, str]) -> None:
        """Answer until the line is closed."""
        while True:
            try:
                self.heard += os.read(self.ours, 1000)
            except OSError:
                return
            for question in (NAME, KITTY, COLOURS, DA1):
                if question.encode() in self.heard:
                    self.heard = self.heard.replace(question.encode(), b"", 1)
                    os.write(self.ours, answers.get(question, "").encode())


@contextmanager
def line(answers: dict[str, str]) -> Iterator[Line]:
    ours, theirs = pty.openpty()
    line = Line(ours, theirs)
    answering = threading.Thread(target=partial(line.answer, answers))
    answering.start()
    try:
        yield line
    finally:
        os.close(theirs)
        answering.join(10)
        os.close(ours)


@pytest.mark.parametrize(
    ("terminal", "medium"),
    [
        ("kitty", GraphicsProtocol.KITTY),
        ("xterm", GraphicsProtocol.SIXEL),
        ("mlterm", GraphicsProtocol.SIXEL),
        ("tmux", GraphicsProtocol.BLOCKS),
        ("tmux with sixels", GraphicsProtocol.SIXEL),
        ("plain", GraphicsProtocol.BLOCKS),
    ],
)
def test_a_terminal_is_taken_by_its_word(terminal: str, medium: GraphicsProtocol) -> None:
    with line(ANSWERS[terminal]) as there:
        before = termios.tcgetattr(there.theirs)
        canvas = detect_graphics(None, there.theirs, there.theirs, Seconds(20))
        after = termios.tcgetattr(there.theirs)

    assert canvas.medium is medium
    assert before == after


def test_a_mute_terminal_is_not_waited_for_long() -> None:
    with line({}) as there:
        canvas = detect_graphics(None, there.theirs, there.theirs, Seconds(0.05))

    assert canvas == TerminalGraphics(GraphicsProtocol.BLOCKS)


def test_a_terminal_that_does_not_stop_talking_is_not_listened_to() -> None:
    with line({NAME: "x" * LONGEST * 2}) as there:
        termios_ = termios.tcgetattr(there.theirs)
        termios_[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(there.theirs, termios.TCSANOW, termios_)
        answers = asked(there.theirs, there.theirs, WHO, Seconds(20))

    assert answers == TerminalAnswers()
