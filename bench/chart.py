"""The pictures of the reports: bars, spans, small panels side by side, curves over time."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from bench.svg import box, dot, line, sheet, short, words

WIDTH = 760
TOP = 56
"""Space for the title and the subtitle, in pixels."""
NAMES = 210
"""Space for the names at the left, in pixels."""
A_LETTER = 7
"""Average width of a letter in pixels."""
ROW = 26
MOST_POINTS = 180
"""Most points of a curve; more would only make the picture larger."""


class Curve(NamedTuple):
    """Measured values in the order of the times."""

    name: str
    values: Sequence[float]


class Bar(NamedTuple):
    """One candidate's figure."""

    name: str
    value: float
    label: str
    ours: bool = False


class Span(NamedTuple):
    """A median and how far the slow ones reach."""

    name: str
    p50: float
    p95: float
    p99: float
    ours: bool = True


class Panel(NamedTuple):
    """A curve over a few named steps."""

    name: str
    steps: Sequence[str]
    values: Sequence[float]


def bars(title: str, below: str, rows: Sequence[Bar], goal: float | None = None) -> str:
    """Draw lying bars from nothing; a goal is a dashed line."""
    available = WIDTH - NAMES - 150
    most = max([*(row.value for row in rows), goal or 0]) or 1
    bottom = TOP + 14 + len(rows) * ROW
    parts = [words(20, TOP - 6, below, "soft small")]
    for number, row in enumerate(rows):
        top = TOP + 10 + number * ROW
        length = available * row.value / most
        parts += [
            words(NAMES - 10, top + 14, row.name, "" if row.ours else "soft", "end"),
            box(NAMES, top + 3, length, ROW - 10, "ours" if row.ours else "theirs"),
            words(NAMES + length + 8, top + 14, row.label, "" if row.ours else "soft"),
        ]
    if goal is not None:
        at = NAMES + available * goal / most
        dashed = [
            line(at, TOP + 6, at, bottom, "goal"),
            words(at, bottom + 14, f"goal {short(goal)}", "goal-text small", "middle"),
        ]
        parts = dashed + parts  # drawn first, below the bars
    return sheet(title, WIDTH, bottom + 26, parts)


def spans(title: str, below: str, rows: Sequence[Span], unit: str) -> str:
    """Draw a dot at each median and a line to its p99, with a tick at p95; logarithmic."""
    names = 30 + A_LETTER * max(len(row.name) for row in rows)
    available = WIDTH - names - 90
    low = math.floor(math.log10(min(row.p50 for row in rows)))
    high = math.ceil(math.log10(max(row.p99 for row in rows)))
    bottom = TOP + 14 + len(rows) * ROW

    def at(value: float) -> float:
        return names + available * (math.log10(max(value, 10**low)) - low) / max(1, high - low)

    parts = [words(20, TOP - 6, below, "soft small")]
    for power in range(low, high + 1):
        x = at(10.0**power)
        tick = f"{short(10.0**power).removesuffix('.00').removesuffix('.0')} {unit}"
        parts += [
            line(x, TOP + 8, x, bottom, "rule"),
            words(x, bottom + 16, tick, "soft small", "middle"),
        ]
    for number, row in enumerate(rows):
        y = TOP + 24 + number * ROW
        reach, point = ("reach", "ours") if row.ours else ("reach-theirs", "theirs")
        parts += [
            words(names - 12, y + 4, row.name, "" if row.ours else "soft", "end"),
            line(at(row.p50), y, at(row.p99), y, reach),
            line(at(row.p95), y - 5, at(row.p95), y + 5, reach),
            dot(at(row.p50), y, point, 4.5),
            words(at(row.p99) + 10, y + 4, short(row.p50), "small" if row.ours else "soft small"),
        ]
    return sheet(title, WIDTH, bottom + 30, parts)


def panels(title: str, below: str, shown: Sequence[Panel]) -> str:
    """Draw small curves side by side, three in a row; each point with its value."""
    across, wide, high = 3, (WIDTH - 40) / 3, 190
    parts = [words(20, TOP - 6, below, "soft small")]
    for number, panel in enumerate(shown):
        left = 20 + number % across * wide
        parts += small(panel, left, TOP + 8 + number // across * high, wide, high)
    return sheet(title, WIDTH, TOP + 18 + math.ceil(len(shown) / across) * high, parts)


def small(panel: Panel, left: float, top: float, wide: float, high: float) -> list[str]:
    """Draw one of them."""
    floor, ceiling, inner = top + high - 36, top + 46, wide - 70
    most = max(panel.values) or 1
    between = inner / max(1, len(panel.values) - 1)
    points = [
        (left + 28 + number * between, floor - (floor - ceiling) * value / most)
        for number, value in enumerate(panel.values)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    first, last = points[0][0], points[-1][0]
    return [
        words(left + 10, top + 18, panel.name),
        line(left + 10, floor, left + wide - 24, floor, "rule"),
        f'<polygon points="{first:.1f},{floor:.1f} {path} {last:.1f},{floor:.1f}" class="area"/>',
        f'<polyline points="{path}" class="curve"/>',
        *(
            part
            for (x, y), step, value in zip(points, panel.steps, panel.values, strict=True)
            for part in (
                dot(x, y, "ours"),
                words(x, y - 9, short(value), "small", "middle"),
                words(x, floor + 16, step, "soft small", "middle"),
            )
        ),
    ]


def chart(title: str, times: Sequence[float], curves: Sequence[Curve], unit: str = "s") -> str:
    """Draw curves over time, one below another; each begins at nothing, so that flat looks flat.

    Where there are more points than are seen, each stands for a few, by the highest of them.
    """
    high, left, right = 132, 70, WIDTH - 24
    last = times[-1] or 1
    parts = []
    for number, curve in enumerate(curves):
        top = TOP + number * high
        floor, ceiling = top + high - 28, top + 22
        most = max(curve.values) * 1.1 or 1
        across, upward = (right - left) / last, (floor - ceiling) / most
        drawn = [
            (left + across * at, floor - upward * value)
            for at, value in thinned(times, curve.values)
        ]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
        below = f"{drawn[0][0]:.1f},{floor} {points} {drawn[-1][0]:.1f},{floor}"
        parts += [
            words(left, top + 10, curve.name),
            line(left, floor, right, floor, "rule"),
            line(left, ceiling, right, ceiling, "rule"),
            words(left - 8, ceiling + 4, short(most), "soft small", "end"),
            words(left - 8, floor + 4, "0", "soft small", "end"),
            words(right, floor + 16, f"{last:,.0f} {unit}", "soft small", "end"),
            f'<polygon points="{below}" class="area"/>',
            f'<polyline points="{points}" class="curve"/>',
        ]
    return sheet(title, WIDTH, TOP + 6 + len(curves) * high, parts)


def thinned(times: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    """Return no more points than are drawn, and never less than the highest."""
    points = list(zip(times, values, strict=True))
    step = math.ceil(len(points) / MOST_POINTS)
    groups = [points[at : at + step] for at in range(0, len(points), step)]
    return [(group[0][0], max(value for _, value in group)) for group in groups]
