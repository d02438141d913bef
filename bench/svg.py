"""A little SVG: a sheet that is light or dark as its reader is, and what is drawn on it.

Colours are named by what they are for; a style sheet inside the picture gives them their values for
both (prefers-color-scheme works in an `<img>` too). No library, nothing fetched.
"""

from collections.abc import Iterable
from html import escape

STYLE = """\
<style>
svg { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.ground { fill: #ffffff; stroke: #d8dee4; }
.title { font-size: 15px; font-weight: 600; fill: #1f2328; }
text { fill: #1f2328; paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
.soft { fill: #59636e; }
.small { font-size: 11px; }
.rule { stroke: #d8dee4; fill: none; }
.goal { stroke: #bc4c00; stroke-dasharray: 4 3; fill: none; }
.goal-text { fill: #bc4c00; }
.ours { fill: #0969da; }
.theirs { fill: #a9b4c0; }
.curve { stroke: #0969da; stroke-width: 2; fill: none; stroke-linejoin: round; }
.area { fill: #0969da; opacity: 0.12; }
.reach { stroke: #0969da; stroke-width: 2; opacity: 0.45; }
.reach-theirs { stroke: #a9b4c0; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d1117; stroke: #3d444d; }
  .title, text { fill: #f0f6fc; }
  text { stroke: #0d1117; }
  .soft { fill: #9198a1; }
  .rule { stroke: #3d444d; }
  .goal { stroke: #f0883e; }
  .goal-text { fill: #f0883e; }
  .ours { fill: #58a6ff; }
  .theirs { fill: #59636e; }
  .curve { stroke: #58a6ff; }
  .area { fill: #58a6ff; }
  .reach { stroke: #58a6ff; }
  .reach-theirs { stroke: #59636e; }
}
</style>"""


def sheet(title: str, width: float, height: float, parts: Iterable[str]) -> str:
    """Return the whole picture; its title is also what is read aloud."""
    size = f'width="{width:g}" height="{height:g}"'
    inside = f'x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {size}',
        f' role="img" aria-label="{escape(title)}">',
        STYLE,
        f'<rect class="ground" {inside} rx="8"/>',
        words(20, 30, title, "title"),
        *parts,
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def words(x: float, y: float, said: str, kind: str = "", anchor: str = "start") -> str:
    """Return a text; `anchor` is start, middle or end."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(said)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    """Return a filled box."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" rx="2"'
        f' class="{kind}"/>'
    )


def dot(x: float, y: float, kind: str, radius: float = 3.5) -> str:
    """Return a dot."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{kind}"/>'


def short(value: float) -> str:
    """Write a number with three digits that count, and no more."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return text
