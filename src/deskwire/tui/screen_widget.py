"""Textual widget that shows drawn lines and the cover picture that belongs to them.

The escape sequence of a cover takes no cells in the line of its upper edge, and the lines below
move the cursor over its cells. Textual repaints whole lines. It therefore draws the cover again if
needed and never overwrites it.
"""

from collections.abc import Callable
from functools import lru_cache

from rich.segment import ControlType, Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from deskwire.tui.graphics import CoverArea, RenderedCover, find_cover_area, skip_cells
from deskwire.tui.spans import Line, Rgb, Span, Tone

STYLES = {
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
    """Widget of the size of the terminal."""

    DEFAULT_CSS = "ScreenWidget { width: 100%; height: 100%; background: ansi_default; }"
    can_focus = False

    def __init__(
        self, resized: Callable[[Size], None], write: Callable[[str], None], erase_sequence: str
    ) -> None:
        """`write` writes an escape sequence at once; `erase_sequence` removes the cover."""
        super().__init__()
        self._resized = resized
        self._write = write
        self._erase_sequence = erase_sequence
        self._picture: RenderedCover | None = None
        self._area: CoverArea | None = None
        self.lines: list[Line] = []

    def show(self, lines: list[Line], cover: RenderedCover | None) -> None:
        """Show these lines, and repaint those that have changed."""
        old_lines, self.lines = self.lines, lines
        old_area, self._area = self._area, find_cover_area(lines)
        old_picture, self._picture = self._picture, cover if self._area else None
        changed = set[int]()
        if self._picture is not old_picture:
            self._write(self._erase_sequence if self._picture is None else self._picture.setup)
        if self._picture is not old_picture or self._area != old_area:
            for area in (old_area, self._area):
                if area is not None:
                    changed.update(range(area.top, area.top + area.rows))
        if len(old_lines) != len(lines):
            self.refresh()
            return
        changed.update(at for at, line in enumerate(lines) if line != old_lines[at])
        if changed:
            self.refresh(*(Region(0, at, self.size.width, 1) for at in sorted(changed)))

    def erase(self) -> None:
        """Remove the cover at once, before another program uses the terminal."""
        if self._picture is not None:
            self._picture = None
            self._write(self._erase_sequence)

    def render_line(self, y: int) -> Strip:
        """Return one line for Textual."""
        width = self.size.width
        if y >= len(self.lines):
            return Strip.blank(width)
        if self._picture is None:
            segments = [Segment(span.text, style_of(span)) for span in self.lines[y]]
            return Strip(segments).adjust_cell_length(width)
        return Strip([self._segment(span, y) for span in self.lines[y]], width)

    def _segment(self, span: Span, y: int) -> Segment:
        if span.tone is not Tone.COVER or self._picture is None or self._area is None:
            return Segment(span.text, style_of(span))
        first = y == self._area.top
        sequence = self._picture.draw if first else skip_cells(self._area.columns)
        return Segment(sequence, None, [(ControlType.CURSOR_FORWARD, self._area.columns)])

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._resized(self.size)


def style_of(span: Span) -> Style:
    """Return the style of a span."""
    return STYLES[span.tone] if span.front is None else _picture_style(span.front, span.back)


@lru_cache(maxsize=4096)
def _picture_style(front: Rgb, back: Rgb | None) -> Style:
    background = None if back is None else f"rgb({back[0]},{back[1]},{back[2]})"
    return Style(color=f"rgb({front[0]},{front[1]},{front[2]})", bgcolor=background)
