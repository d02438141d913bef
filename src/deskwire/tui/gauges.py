"""A number as a picture: how much of a whole, and how it went lately."""

from collections.abc import Sequence

from deskwire.tui.spans import Line, Span, Tone

EIGHTHS = " ▏▎▍▌▋▊▉█"
LEVELS = "▁▂▃▄▅▆▇█"


def bar(part: float, width: int) -> Span:
    """Return a bar, `part` of it (0 to 1) filled, to an eighth of a cell: one that moves."""
    filled = round(min(max(part, 0.0), 1.0) * width * 8)
    whole, rest = divmod(filled, 8)
    text = EIGHTHS[8] * whole + (EIGHTHS[rest] if rest else "")
    return Span(text.ljust(width), Tone.TRACK)


def level(part: float, width: int) -> Line:
    """Return a line, `part` of it (0 to 1) heavy, to half a cell: bars beneath each other merge."""
    filled = round(min(max(part, 0.0), 1.0) * width * 2)
    whole, half = divmod(filled, 2)
    heavy = "━" * whole + "╸" * half
    return Span(heavy, Tone.ACCENT), Span("─" * (width - len(heavy)), Tone.FAINT)


def sparkline(values: Sequence[float], width: int, low: float, high: float) -> Span:
    """Return the newest values, one a cell, between `low` and `high`, the newest at the right."""
    shown = values[-width:] if width > 0 else ()
    span = high - low
    text = "".join(LEVELS[_level((value - low) / span if span > 0 else 0.0)] for value in shown)
    return Span(text.rjust(max(width, 0)), Tone.ACCENT)


def _level(part: float) -> int:
    return min(max(int(part * len(LEVELS)), 0), len(LEVELS) - 1)
