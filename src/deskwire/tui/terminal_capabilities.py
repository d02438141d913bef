"""Queries for the graphics of this terminal.

    DA1           CSI c        attribute 4 means sixels; every terminal answers this query
    XTVERSION     CSI > q      name of the terminal
    kitty         APC G a=q    the answer `OK` means kitty's graphics protocol
    XTSMGRAPHICS  CSI ? S      maximum number of sixel colours
    cell size     CSI 16 t     width and height of a cell in pixels

The program does not read TERM, which is often wrong over ssh and inside another terminal. It sends
kitty's query only to a terminal that has told its name, because others may print it. tmux would use
that query as a window title and passes no pictures on, but tells whether it shows sixels. A
terminal that has not answered before the deadline cannot show pictures. The queries must come
before any other reader of the terminal.

Sources: xterm's ctlseqs and kitty's graphics protocol.
"""

import fcntl
import os
import re
import select
import struct
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from msgspec import Struct
from msgspec.structs import replace

from deskwire.model.units import Seconds
from deskwire.tui.graphics import KITTY_ID, GraphicsProtocol, TerminalGraphics, kitty_query

TIMEOUT = Seconds(2)
"""Time for each of two answers, also over a slow line. A later answer would be read as keys."""
MAX_ANSWER = 4096
"""Bytes of an answer."""

DA1 = "\x1b[c"
"""Last in each series of queries, because every terminal answers it, and answers in order."""
XTVERSION = "\x1b[>q"
SIXEL_QUERIES = "\x1b[?1;1;0S\x1b[16t"
MULTIPLEXERS = ("tmux", "screen", "zellij")
SIXEL_ATTRIBUTE = "4"

DA1_ANSWER = re.compile(rb"\x1b\[\?([0-9;]{1,64})c")
NAME_ANSWER = re.compile(rb"\x1bP>\|([\x20-\x7e]{1,64})\x1b\\")
KITTY_ANSWER = re.compile(rb"\x1b_Gi=%d(?:,[^;\x1b]{0,64})?;OK\x1b\\" % KITTY_ID)
COLOURS_ANSWER = re.compile(rb"\x1b\[\?1;0;([0-9]{1,6})(?:;[0-9;]{0,16})?S")
CELL_ANSWER = re.compile(rb"\x1b\[6;([0-9]{1,4});([0-9]{1,4})t")


class TerminalAnswers(Struct, frozen=True):
    """Answers of a terminal."""

    complete: bool = False
    """Whether the last query is answered."""
    name: str = ""
    sixel: bool = False
    kitty: bool = False
    colours: int | None = None
    cell: tuple[int, int] | None = None
    """Width and height in pixels."""


def parse_answers(received: bytes) -> TerminalAnswers:
    """Parse answers, between typed keys. Ignores incomplete and malformed ones."""
    attributes = DA1_ANSWER.search(received)
    name = NAME_ANSWER.search(received)
    colours = COLOURS_ANSWER.search(received)
    cell = CELL_ANSWER.search(received)
    return TerminalAnswers(
        complete=attributes is not None,
        name=name[1].decode("ascii") if name else "",
        sixel=attributes is not None and SIXEL_ATTRIBUTE in attributes[1].decode().split(";")[1:],
        kitty=KITTY_ANSWER.search(received) is not None,
        colours=int(colours[1]) if colours and int(colours[1]) else None,
        cell=plausible_cell(int(cell[2]), int(cell[1])) if cell else None,
    )


def second_queries(first: TerminalAnswers) -> str:
    """Return the queries that follow the first answers, or "" if none can help."""
    queries = kitty_query() if may_have_kitty(first.name) else ""
    if first.sixel:
        queries += SIXEL_QUERIES
    return queries + DA1 if queries else ""


def may_have_kitty(name: str) -> bool:
    """Tell whether a terminal of this name handles kitty's query instead of printing it."""
    return bool(name) and not name.lower().startswith(MULTIPLEXERS)


def best_graphics(
    first: TerminalAnswers, second: TerminalAnswers, cell: tuple[int, int] | None
) -> TerminalGraphics:
    """Return the best graphics. `cell` is the size of a cell that the kernel knows."""
    size = cell or second.cell
    if second.kitty and may_have_kitty(first.name):
        return TerminalGraphics(GraphicsProtocol.KITTY, size)
    if first.sixel:
        return TerminalGraphics(GraphicsProtocol.SIXEL, size, second.colours or 256)
    return TerminalGraphics(GraphicsProtocol.BLOCKS, size)


def detect_graphics(
    protocol: GraphicsProtocol | None, keys: int, screen: int, timeout: Seconds = TIMEOUT
) -> TerminalGraphics:
    """Return the graphics with this protocol, or the best ones.

    `keys` and `screen` are the descriptors to read from and to write to. The function sends only
    the queries that it needs.
    """
    cell = cell_size(screen)
    if protocol is GraphicsProtocol.SIXEL:
        with no_echo(keys):
            second = query(keys, screen, SIXEL_QUERIES + DA1, timeout)
        return TerminalGraphics(protocol, cell or second.cell, second.colours or 256)
    if protocol is not None:
        return TerminalGraphics(protocol, cell)
    with no_echo(keys):
        first = query(keys, screen, XTVERSION + DA1, timeout)
        queries = second_queries(first)
        second = query(keys, screen, queries, timeout) if queries else TerminalAnswers()
    return best_graphics(first, second, cell)


def query(keys: int, screen: int, queries: str, timeout: Seconds) -> TerminalAnswers:
    """Send queries and wait for the last answer or the deadline."""
    os.write(screen, queries.encode("ascii"))
    deadline = time.monotonic() + timeout
    received = b""
    while not parse_answers(received).complete and len(received) < MAX_ANSWER:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([keys], [], [], left)[0]:
            break
        more = os.read(keys, MAX_ANSWER)
        if not more:
            break
        received += more
    return parse_answers(received)


@contextmanager
def no_echo(keys: int) -> Iterator[None]:
    """Read keys at once and without echo meanwhile. Ctrl-C still interrupts."""
    before = termios.tcgetattr(keys)
    tty.setcbreak(keys, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


def cell_size(screen: int) -> tuple[int, int] | None:
    """Return width and height of a cell, tty_ioctl(4), or `None` if the kernel does not know."""
    try:
        packed = fcntl.ioctl(screen, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return None
    rows, columns, width, height = struct.unpack("HHHH", packed)
    if not (rows and columns):
        return None
    return plausible_cell(width // columns, height // rows)


def with_current_cell_size(graphics: TerminalGraphics, screen: TextIO | None) -> TerminalGraphics:
    """Return the graphics with the present size of a cell, which changes with the zoom."""
    cell = None if screen is None else cell_size(screen.fileno())
    return graphics if cell in {None, graphics.cell} else replace(graphics, cell=cell)


def plausible_cell(width: int, height: int) -> tuple[int, int] | None:
    """Return the size if a cell can have it."""
    return (width, height) if 2 <= width <= 64 and width / 2 <= height <= 4 * width else None
