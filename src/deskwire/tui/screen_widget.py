"""The one widget: it shows drawn lines, and the cover that belongs to them.

A cover that is painted past Textual is in the line of its upper edge, as a sequence that takes no
cells; the lines below step over the cells it is in. Textual repaints whole lines, so it paints the
cover again when it has to, and never paints over it.
"""

from collections.abc import Callable
from functools import lru_cache

from rich.segment import ControlType, Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from deskwire.tui.graphics import CoverArea, RenderedCover, find_cover_area, step_over
from deskwire.tui.spans import Line, Rgb, Span, Tone

LOOKS = {
    Tone.PLAIN: Style(),
    Tone.STRONG: Style(bold=True),
    Tone.FAINT: Style(dim=True),
    Tone.GOOD: Style(color="green"),
    Tone.WARN: Style(color="yellow"),
    Tone.BAD: Style(color="red", bold=True),
    Tone.ACCENT: Style(color="cyan"),
    Tone.TRACK: Style(color="cyan", bgcolor="bright_black"),
    Tone.COVER: Style(),
}


class ScreenWidget(Widget):
    """Shows drawn lines."""

    DEFAULT_CSS = "ScreenWidget { width: 100%; height: 100%; background: ansi_default; }"
    can_focus = False

    def __init__(
        self, resized: Callable[[Size], None], write: Callable[[str], None], erasure: str
    ) -> None:
        """`write` tells the terminal something at once; `erasure` takes a cover away."""
        super().__init__()
        self._resized = resized
        self._write = write
        self._erasure = erasure
        self._painting: RenderedCover | None = None
        self._place: CoverArea | None = None
        self.lines: list[Line] = []

    def show(self, lines: list[Line], painting: RenderedCover | None) -> None:
        """Repaint the lines that differ from those shown."""
        before, self.lines = self.lines, lines
        where, self._place = self._place, find_cover_area(lines)
        what, self._painting = self._painting, painting if self._place else None
        repainted = set[int]()
        if self._painting is not what:
            if self._painting is None:
                self._write(self._erasure)
            else:
                self._write(self._painting.send)
        if self._painting is not what or self._place != where:
            for place in (where, self._place):
                if place is not None:
                    repainted.update(range(place.top, place.top + place.rows))
        if len(before) != len(lines):
            self.refresh()
            return
        repainted.update(at for at, line in enumerate(lines) if line != before[at])
        if repainted:
            self.refresh(*(Region(0, at, self.size.width, 1) for at in sorted(repainted)))

    def erase(self) -> None:
        """Take the cover away at once: somebody else has the terminal next."""
        if self._painting is not None:
            self._painting = None
            self._write(self._erasure)

    def render_line(self, y: int) -> Strip:
        """Return one line as Textual wants it."""
        width = self.size.width
        if y >= len(self.lines):
            return Strip.blank(width)
        if self._painting is None:
            segments = [Segment(span.text, look(span)) for span in self.lines[y]]
            return Strip(segments).adjust_cell_length(width)
        return Strip([self._segment(span, y) for span in self.lines[y]], width)

    def _segment(self, span: Span, y: int) -> Segment:
        if span.tone is not Tone.COVER or self._painting is None or self._place is None:
            return Segment(span.text, look(span))
        upper = y == self._place.top
        sequence = self._painting.paint if upper else step_over(self._place.columns)
        return Segment(sequence, None, [(ControlType.CURSOR_FORWARD, self._place.columns)])

    def on_resize(self) -> None:
        """Draw anew for the new size."""
        self._resized(self.size)


def look(span: Span) -> Style:
    """Return how a span looks."""
    return LOOKS[span.tone] if span.front is None else _painted(span.front, span.back)


@lru_cache(maxsize=4096)
def _painted(front: Rgb, back: Rgb | None) -> Style:
    behind = None if back is None else f"rgb({back[0]},{back[1]},{back[2]})"
    return Style(color=f"rgb({front[0]},{front[1]},{front[2]})", bgcolor=behind)
