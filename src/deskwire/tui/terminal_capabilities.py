"""What this terminal can paint, by its own word.

    DA1        CSI c               attribute 4: it shows sixels; every terminal answers this one
    XTVERSION  CSI > q             its name: asked of those alone is what others would print
    kitty      APC G a=q           `OK`: it shows pictures in kitty's protocol
    XTSMGRAPHICS, CSI 16 t         how many colours a sixel picture has, how large a cell is

Sources: xterm's ctlseqs, kitty's graphics protocol. TERM is not looked at: a terminal that is
reached over ssh, or stands in another, is rarely what TERM says. tmux takes kitty's question for a
title and lets no picture through, so it is not asked; it says itself whether it shows sixels.
Whatever has not answered within the deadline cannot do it. To be asked before anybody else reads
the terminal.
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
from deskwire.tui import kitty
from deskwire.tui.graphics import GraphicsProtocol, TerminalGraphics

WITHIN = Seconds(2)
"""For each of two answers, over a slow line too. One that comes later would be read as keys."""
LONGEST = 4096
"""Bytes of answers; what says more is no terminal."""

WHO = "\x1b[>q\x1b[c"
"""The last of several questions is one that every terminal answers, in order."""
SIXELS = "\x1b[?1;1;0S\x1b[16t"
MULTIPLEXERS = ("tmux", "screen", "zellij")
ATTRIBUTE_SIXEL = "4"

ATTRIBUTES = re.compile(rb"\x1b\[\?([0-9;]{1,64})c")
NAME = re.compile(rb"\x1bP>\|([\x20-\x7e]{1,64})\x1b\\")
KITTY = re.compile(rb"\x1b_Gi=%d(?:,[^;\x1b]{0,64})?;OK\x1b\\" % kitty.NUMBER)
COLOURS = re.compile(rb"\x1b\[\?1;0;([0-9]{1,6})(?:;[0-9;]{0,16})?S")
CELL = re.compile(rb"\x1b\[6;([0-9]{1,4});([0-9]{1,4})t")


class TerminalAnswers(Struct, frozen=True):
    """What a terminal said."""

    whole: bool = False
    """Whether it has answered the last question."""
    name: str = ""
    sixel: bool = False
    kitty: bool = False
    colours: int | None = None
    cell: tuple[int, int] | None = None
    """How wide and how high, in pixels."""


def parse_answers(said: bytes) -> TerminalAnswers:
    """Read answers, between whatever else was typed; what is cut off or odd was not said."""
    attributes = ATTRIBUTES.search(said)
    name = NAME.search(said)
    colours = COLOURS.search(said)
    cell = CELL.search(said)
    return TerminalAnswers(
        whole=attributes is not None,
        name=name[1].decode("ascii") if name else "",
        sixel=attributes is not None and ATTRIBUTE_SIXEL in attributes[1].decode().split(";")[1:],
        kitty=KITTY.search(said) is not None,
        colours=int(colours[1]) if colours and int(colours[1]) else None,
        cell=believable(int(cell[2]), int(cell[1])) if cell else None,
    )


def second_question(first: TerminalAnswers) -> str:
    """Return what is asked of a terminal that says this of itself; nothing of one that is plain."""
    asked = kitty.question() if takes_pictures_for_its_own(first.name) else ""
    if first.sixel:
        asked += SIXELS
    return f"{asked}\x1b[c" if asked else ""


def takes_pictures_for_its_own(name: str) -> bool:
    """Tell whether a terminal of this name shows what it is sent; one without a name may print."""
    return bool(name) and not name.lower().startswith(MULTIPLEXERS)


def canvas_of(
    first: TerminalAnswers, second: TerminalAnswers, cell: tuple[int, int] | None
) -> TerminalGraphics:
    """Return the best there is; `cell` is what the kernel knows of it."""
    size = cell or second.cell
    if second.kitty and takes_pictures_for_its_own(first.name):
        return TerminalGraphics(GraphicsProtocol.KITTY, size)
    if first.sixel:
        return TerminalGraphics(GraphicsProtocol.SIXEL, size, second.colours or 256)
    return TerminalGraphics(GraphicsProtocol.BLOCKS, size)


def detect_graphics(
    medium: GraphicsProtocol | None, keys: int, screen: int, within: Seconds = WITHIN
) -> TerminalGraphics:
    """Return what is to be painted with: this medium, or the best there is.

    `keys`, `screen`: the terminal's descriptors, to read and to write. Asks only what has to be
    known.
    """
    cell = cell_of(screen)
    if medium is GraphicsProtocol.SIXEL:
        with quiet(keys):
            second = asked(keys, screen, f"{SIXELS}\x1b[c", within)
        return TerminalGraphics(medium, cell or second.cell, second.colours or 256)
    if medium is not None:
        return TerminalGraphics(medium, cell)
    with quiet(keys):
        first = asked(keys, screen, WHO, within)
        question = second_question(first)
        second = asked(keys, screen, question, within) if question else TerminalAnswers()
    return canvas_of(first, second, cell)


def asked(keys: int, screen: int, question: str, within: Seconds) -> TerminalAnswers:
    """Ask, and wait for the last answer or the deadline."""
    os.write(screen, question.encode("ascii"))
    ends = time.monotonic() + within
    said = b""
    while not parse_answers(said).whole and len(said) < LONGEST:
        left = ends - time.monotonic()
        if left <= 0 or not select.select([keys], [], [], left)[0]:
            break
        more = os.read(keys, LONGEST)
        if not more:
            break
        said += more
    return parse_answers(said)


@contextmanager
def quiet(keys: int) -> Iterator[None]:
    """Have what is typed neither shown nor kept until a line is whole; Ctrl-C stays what it is."""
    before = termios.tcgetattr(keys)
    tty.setcbreak(keys, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


def cell_of(screen: int) -> tuple[int, int] | None:
    """Return how wide and how high a cell is, tty_ioctl(4); `None` where the kernel is not told."""
    try:
        packed = fcntl.ioctl(screen, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return None
    rows, columns, wide, high = struct.unpack("HHHH", packed)
    if not (rows and columns):
        return None
    return believable(wide // columns, high // rows)


def with_current_cell_size(canvas: TerminalGraphics, screen: TextIO | None) -> TerminalGraphics:
    """Return the canvas with the cells as large as they are now: people zoom."""
    cell = None if screen is None else cell_of(screen.fileno())
    return canvas if cell in {None, canvas.cell} else replace(canvas, cell=cell)


def believable(wide: int, high: int) -> tuple[int, int] | None:
    """Return the size of a cell if a cell can be so large."""
    return (wide, high) if 2 <= wide <= 64 and wide / 2 <= high <= 4 * wide else None
