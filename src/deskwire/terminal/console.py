"""What a command writes on: the terminal, or whatever stands for it.

Colour is for terminals only, and not there either where NO_COLOR is set (no-color.org) or the
terminal is `dumb`. A character the terminal cannot show becomes `?` instead of an error.
"""

import io
import os
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TextIO


class Colour(Enum):
    """SGR, ECMA-48 8.3.117."""

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
        """Return the text in colour, where there is any."""
        return f"\x1b[{colour.value}m{text}\x1b[0m" if self._colours else text


def align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, all columns but the last padded to the widest."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
