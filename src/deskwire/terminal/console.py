"""Standard output with colours, aligned columns, and password prompts.

Colours appear on a terminal only, and not if `NO_COLOR` is set (no-color.org) or the terminal is
`dumb`. A character that the terminal cannot show becomes `?` instead of an error.
"""

import codecs
import errno
import io
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import TextIO

import click

from deskwire.model.problems import Problem

MAX_PASSWORD_PROMPTS = 3
MAX_LINE = 8192
"""Bytes of a line on standard input, more than any password has."""


class ClosedOutput(io.TextIOBase):
    """Standard output of a program that was started without one: each write fails."""

    def write(self, _: str) -> int:
        """Raise `OSError`."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def prepare_standard_streams() -> None:
    """Make the standard streams usable, whatever the program was started with.

    A closed descriptor is opened on /dev/null, so that no file of the program gets its number. A
    character that the locale cannot encode is written as `?`.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stdout = sys.stdout or ClosedOutput()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def discard_unwritable_output() -> None:
    """Send what a full or closed stream still buffers, and all further output, to /dev/null.

    Otherwise Python would try once more at its end, and exit with 120.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            if isinstance(stream, io.TextIOWrapper):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)


class Colour(Enum):
    """SGR parameters, ECMA-48 8.3.117."""

    GREEN = "32"
    YELLOW = "33"
    RED = "31"
    FAINT = "2"


class Console:
    """Standard output."""

    def __init__(self, out: TextIO | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._out = sys.stdout if out is None else out
        environ = os.environ if environ is None else environ
        if isinstance(self._out, io.TextIOWrapper):
            self._out.reconfigure(errors="replace")
        self._colours = (
            self._out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        )

    def write(self, line: str) -> None:
        """Write one line."""
        self._out.write(line + "\n")

    def paint(self, text: str, colour: Colour) -> str:
        """Return the text in a colour, if colours are on."""
        return f"\x1b[{colour.value}m{text}\x1b[0m" if self._colours else text


def align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, each column but the last padded to its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def print_now(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def is_interactive() -> bool:
    """Tell whether a user can see and answer a prompt: at a terminal, in its foreground."""
    with suppress(OSError):
        terminal = sys.stdin.isatty() and sys.stderr.isatty()
        return terminal and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    return False


def ask_for_password(username: str, problem: Problem | None = None) -> str:
    """Print the problem, if any, and ask for a password without echo."""
    if problem is not None:
        print(f"deskwire: {problem}", file=sys.stderr)
    password: str = click.prompt(f"Password for {username}", hide_input=True, err=True)
    return password


def read_password_line() -> str:
    """Return the first line of standard input, without a byte order mark.

    Bytes that are not UTF-8 become surrogates.
    """
    line = sys.stdin.buffer.readline(MAX_LINE).removeprefix(codecs.BOM_UTF8)
    return line.removesuffix(b"\n").removesuffix(b"\r").decode(errors="surrogateescape")
