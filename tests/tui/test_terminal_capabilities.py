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
    MAX_ANSWER,
    XTVERSION,
    TerminalAnswers,
    best_graphics,
    detect_graphics,
    parse_answers,
    query,
    second_queries,
)
from tests.support.terminals import ANSWERS, COLOURS, DA1, KITTY, NAME

CELL = (10, 20)
XTERM = b"\x1bP>|XTerm(379)\x1b\\\x1b[?63;1;2;4;6;9;15;16;22;28c"
KITTY_ANSWERS = b"\x1b_Gi=1684370283;OK\x1b\\\x1b[?62;52;c"
SIXEL_ANSWERS = b"\x1b[?1;0;16S\x1b[6;20;10t\x1b[?63;4c"


@pytest.mark.parametrize(
    ("received", "answers"),
    [
        (b"", TerminalAnswers()),
        (XTERM, TerminalAnswers(complete=True, name="XTerm(379)", sixel=True)),
        (b"\x1b[?62;22c", TerminalAnswers(complete=True)),
        (b"\x1b[?4c", TerminalAnswers(complete=True)),
        (b"\x1b[?1;44;14c", TerminalAnswers(complete=True)),
        (KITTY_ANSWERS, TerminalAnswers(complete=True, kitty=True)),
        (b"\x1b_Gi=1684370283;ENOTSUPPORTED:no\x1b\\\x1b[?62c", TerminalAnswers(complete=True)),
        (b"\x1b_Gi=7;OK\x1b\\\x1b[?62c", TerminalAnswers(complete=True)),
        (SIXEL_ANSWERS, TerminalAnswers(complete=True, sixel=True, colours=16, cell=CELL)),
        (b"\x1b[?1;3;0S\x1b[?63;4c", TerminalAnswers(complete=True, sixel=True)),
        (b"\x1b[6;0;0t\x1b[?62c", TerminalAnswers(complete=True)),
        (b"\x1b[6;9999;9999t\x1b[?62c", TerminalAnswers(complete=True)),
        (b"n\x1b[A" + XTERM + b"q", TerminalAnswers(complete=True, name="XTerm(379)", sixel=True)),
        (b"\x1bP>|\x1b[2J\x1b\\\x1b[?62c", TerminalAnswers(complete=True)),
        (b"\x1bP>|" + b"x" * 3000 + b"\x1b\\\x1b[?62c", TerminalAnswers(complete=True)),
    ],
)
def test_answers_are_parsed(received: bytes, answers: TerminalAnswers) -> None:
    assert parse_answers(received) == answers


@pytest.mark.parametrize("received", [XTERM, KITTY_ANSWERS, SIXEL_ANSWERS])
def test_partial_answer_is_not_complete(received: bytes) -> None:
    assert not any(parse_answers(received[:end]).complete for end in range(len(received)))


@given(st.binary(max_size=200) | st.text("\x1b[?]P_G>|;=,0123456789cStOKi\\").map(str.encode))
@example(b"\x1b[?" + b"9" * 64 + b"c")
@example(b"\x1b[6;0020;0010t")
def test_any_bytes_are_parsed(received: bytes) -> None:
    answers = parse_answers(received)

    assert answers.name.isprintable()
    assert answers.cell is None or 0 < answers.cell[0] < answers.cell[1] * 3


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (TerminalAnswers(name="kitty(0.42.1)"), {KITTY}),
        (TerminalAnswers(name="WezTerm 2024", sixel=True), {KITTY, COLOURS}),
        (TerminalAnswers(sixel=True), {COLOURS}),
        (TerminalAnswers(name="tmux 3.5a", sixel=True), {COLOURS}),
        (TerminalAnswers(name="tmux 3.3a"), set()),
        (TerminalAnswers(), set()),
    ],
)
def test_terminal_gets_no_query_beyond_its_answers(
    first: TerminalAnswers, expected: set[str]
) -> None:
    queries = second_queries(first)

    assert {each for each in (KITTY, COLOURS) if each in queries} == expected
    assert queries.endswith(DA1) == bool(expected)


@pytest.mark.parametrize(
    ("first", "second", "graphics"),
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
def test_best_graphics_are_selected(
    first: TerminalAnswers, second: TerminalAnswers, graphics: TerminalGraphics
) -> None:
    assert best_graphics(first, second, CELL) == graphics


class Line:
    """A terminal line and the terminal at its end."""

    def __init__(self, ours: int, theirs: int) -> None:
        self.ours, self.theirs = ours, theirs
        self.received = b""

    def answer(self, answers: dict[str, str]) -> None:
        """Answer queries until the line is closed."""
        while True:
            try:
                self.received += os.read(self.ours, 1000)
            except OSError:
                return
            for question in (NAME, KITTY, COLOURS, DA1):
                if question.encode() in self.received:
                    self.received = self.received.replace(question.encode(), b"", 1)
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
    ("terminal", "protocol"),
    [
        ("kitty", GraphicsProtocol.KITTY),
        ("xterm", GraphicsProtocol.SIXEL),
        ("mlterm", GraphicsProtocol.SIXEL),
        ("tmux", GraphicsProtocol.BLOCKS),
        ("tmux with sixels", GraphicsProtocol.SIXEL),
        ("plain", GraphicsProtocol.BLOCKS),
    ],
)
def test_detected_protocol_follows_the_answers(terminal: str, protocol: GraphicsProtocol) -> None:
    with line(ANSWERS[terminal]) as there:
        before = termios.tcgetattr(there.theirs)
        graphics = detect_graphics(None, there.theirs, there.theirs, Seconds(20))
        after = termios.tcgetattr(there.theirs)

    assert graphics.protocol is protocol
    assert before == after


def test_silent_terminal_times_out() -> None:
    with line({}) as there:
        graphics = detect_graphics(None, there.theirs, there.theirs, Seconds(0.05))

    assert graphics == TerminalGraphics(GraphicsProtocol.BLOCKS)


def test_endless_answer_is_cut_off() -> None:
    with line({NAME: "x" * MAX_ANSWER * 2}) as there:
        termios_ = termios.tcgetattr(there.theirs)
        termios_[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(there.theirs, termios.TCSANOW, termios_)
        answers = query(there.theirs, there.theirs, XTVERSION + DA1, Seconds(20))

    assert answers == TerminalAnswers()
