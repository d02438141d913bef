"""Lines of text spans, each exactly as wide as the terminal, and gauges made of them.

Titles and names are text from others. A span contains nothing that a terminal would obey, and a
name never takes more cells than it is given.
"""

import unicodedata
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len

Rgb = tuple[int, int, int]

MAX_TEXT = 2000
"""Characters of a text that are looked at, more than any terminal is wide."""
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""In place of a character whose width in a terminal is unknown."""
MAX_MARKS = 2
"""Combining characters on one letter. No language needs more, and more reach into other lines."""
BAR_EIGHTHS = " ▏▎▍▌▋▊▉█"
SPARK_LEVELS = "▁▂▃▄▅▆▇█"


class Tone(Enum):
    """Look of a span. The widget gives each tone its colours."""

    PLAIN = "plain"
    STRONG = "strong"
    FAINT = "faint"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    ACCENT = "accent"
    TRACK = "track"
    """Bar: the filled part in the foreground colour, the rest in the background colour."""
    COVER = "cover"
    """Cells left free for a picture."""


class Span(NamedTuple):
    """Cells that look the same."""

    text: str
    tone: Tone = Tone.PLAIN
    front: Rgb | None = None
    """Foreground colour of a picture's cell."""
    back: Rgb | None = None


Line = tuple[Span, ...]


@lru_cache(maxsize=512)
def single_line(text: str) -> str:
    """Return the text on one line of printable characters, without format characters.

    Format characters could reverse or join the text around them.
    """
    characters: list[str] = []
    marks = 0
    for each in text[:MAX_TEXT]:
        category = unicodedata.category(each)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if category in {"Zs", "Zl", "Zp"} or each in "\t\n\r":
            characters.append(" ")
        elif category != "Cf" and not "\ufe00" <= each <= "\ufe0f" and marks <= MAX_MARKS:
            characters.append(each)
    shown = "".join(each if each.isprintable() else UNKNOWN for each in characters)
    return " ".join(shown.split())


def cells(text: str) -> int:
    """Return the number of cells that the text takes."""
    return sum(_cells_of(each) for each in text)


@lru_cache(maxsize=4096)
def _cells_of(character: str) -> int:
    return cell_len(character)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return the text in exactly `width` cells: cut with an ellipsis, or padded with blanks."""
    if width <= 0:
        return ""
    used = cells(text)
    if used > width:
        text, used = _cut(text, width - 1)
        text, used = text + "…", used + 1
    blanks = " " * (width - used)
    return blanks + text if right else text + blanks


def _cut(text: str, width: int) -> tuple[str, int]:
    used = 0
    for at, each in enumerate(text):
        wide = _cells_of(each)
        if used + wide > width:
            return text[:at], used
        used += wide
    return text, used


def fill(line: Line, width: int) -> Line:
    """Return a line in exactly `width` cells."""
    spans: list[Span] = []
    left = width
    for span in line:
        wide = cells(span.text)
        if wide > left:
            spans.append(span._replace(text=fit(span.text, left)))
            left = 0
            break
        spans.append(span)
        left -= wide
    if left:
        spans.append(Span(" " * left))
    return tuple(span for span in spans if span.text)


def text_of(line: Line) -> str:
    """Return the text of a line."""
    return "".join(span.text for span in line)


def bar(part: float, width: int) -> Span:
    """Return a bar, filled by `part` (0 to 1) to an eighth of a cell. It suits a moving value."""
    filled = round(min(max(part, 0.0), 1.0) * width * 8)
    whole, rest = divmod(filled, 8)
    text = BAR_EIGHTHS[8] * whole + (BAR_EIGHTHS[rest] if rest else "")
    return Span(text.ljust(width), Tone.TRACK)


def level(part: float, width: int) -> Line:
    """Return a line, heavy by `part` (0 to 1) to half a cell. Lines below each other stay apart."""
    filled = round(min(max(part, 0.0), 1.0) * width * 2)
    whole, half = divmod(filled, 2)
    heavy = "━" * whole + "╸" * half
    return Span(heavy, Tone.ACCENT), Span("─" * (width - len(heavy)), Tone.FAINT)


def sparkline(values: Sequence[float], width: int, low: float, high: float) -> Span:
    """Return the last values between `low` and `high`, one in each cell, the newest at the end."""
    shown = values[-width:] if width > 0 else ()
    extent = high - low
    parts = ((value - low) / extent if extent > 0 else 0.0 for value in shown)
    last = len(SPARK_LEVELS) - 1
    text = "".join(SPARK_LEVELS[min(max(int(part * (last + 1)), 0), last)] for part in parts)
    return Span(text.rjust(max(width, 0)), Tone.ACCENT)
