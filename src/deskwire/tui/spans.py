"""What a drawn screen is made of: lines of spans, every line exactly as wide as the screen.

Titles and names are strangers' text: nothing a terminal would obey reaches a span, and a name
takes the cells it was given and no more, whatever is in it.
"""

import unicodedata
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len

Rgb = tuple[int, int, int]

MARKS_A_LETTER = 2
"""More combining characters than any language stacks on one letter reach into other lines."""


class Tone(Enum):
    """How a span looks; what that is in colours is the app's business."""

    PLAIN = "plain"
    STRONG = "strong"
    FAINT = "faint"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    ACCENT = "accent"
    TRACK = "track"
    """A bar's: the filled part in front, the rest behind."""
    COVER = "cover"
    """Cells left free for a picture that is painted past them."""


class Span(NamedTuple):
    """Some cells of one look."""

    text: str
    tone: Tone = Tone.PLAIN
    front: Rgb | None = None
    """A colour of its own, for pictures."""
    back: Rgb | None = None


Line = tuple[Span, ...]


@lru_cache(maxsize=512)
def safe(text: str) -> str:
    """Return the text with what does not print replaced, and what reorders or joins taken out."""
    shown: list[str] = []
    marks = 0
    for each in text[:2000]:
        kind = unicodedata.category(each)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if kind in {"Zs", "Zl", "Zp"} or each in "\t\n\r":
            shown.append(" ")
        elif kind == "Cf" or "\ufe00" <= each <= "\ufe0f" or marks > MARKS_A_LETTER:
            continue
        else:
            shown.append(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}")
    return " ".join("".join(shown).split())


def cells(text: str) -> int:
    """Return how many cells a terminal gives the text."""
    return sum(_cells_of(each) for each in text)


@lru_cache(maxsize=4096)
def _cells_of(character: str) -> int:
    return cell_len(character)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return the text in exactly `width` cells: cut with an ellipsis, or filled with blanks."""
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
    kept: list[Span] = []
    left = width
    for span in line:
        wide = cells(span.text)
        if wide > left:
            kept.append(span._replace(text=fit(span.text, left)))
            left = 0
            break
        kept.append(span)
        left -= wide
    if left:
        kept.append(Span(" " * left))
    return tuple(span for span in kept if span.text)


def text_of(line: Line) -> str:
    """Return what a line says."""
    return "".join(span.text for span in line)
