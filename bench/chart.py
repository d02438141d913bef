"""Curves over time as an SVG of its own, one below another: no library, no colours to choose."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, TOP = 720, 120, 60, 28


class Curve(NamedTuple):
    """What was measured, in the order of the times."""

    name: str
    values: Sequence[float]


def chart(title: str, times: Sequence[float], curves: Sequence[Curve]) -> str:
    """Draw them; `times` are seconds. Each curve begins at nothing, so that flat looks flat."""
    high = TOP + len(curves) * (HEIGHT + TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEFT + 20} {high}"',
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="16">{escape(title)}</text>',
    ]
    for number, curve in enumerate(curves):
        parts += panel(curve, times, TOP + number * (HEIGHT + TOP))
    return "\n".join([*parts, "</svg>", ""])


def panel(curve: Curve, times: Sequence[float], top: int) -> list[str]:
    """Draw one of them."""
    most = max(curve.values) * 1.1 or 1
    last = times[-1] or 1
    points = " ".join(
        f"{LEFT + WIDTH * at / last:.1f},{top + TOP + HEIGHT * (1 - value / most) - 8:.1f}"
        for at, value in zip(times, curve.values, strict=True)
    )
    floor, end = top + TOP + HEIGHT - 8, f"{last:.0f} s"
    return [
        f'<text x="{LEFT}" y="{top + 14}">{escape(curve.name)}</text>',
        f'<path d="M{LEFT} {top + TOP - 8}V{floor}H{LEFT + WIDTH}" fill="none" stroke="#999"/>',
        f'<text x="{LEFT - 6}" y="{top + TOP}" text-anchor="end" fill="#666">{most:.0f}</text>',
        f'<text x="{LEFT - 6}" y="{floor}" text-anchor="end" fill="#666">0</text>',
        f'<text x="{LEFT + WIDTH}" y="{floor + 14}" text-anchor="end" fill="#666">{end}</text>',
        f'<polyline points="{points}" fill="none" stroke="#1565c0" stroke-width="1.5"/>',
    ]
