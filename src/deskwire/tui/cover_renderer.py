"""Where covers are painted: beside the event loop, one at a time, the newest that is wanted.

What is done is shown on while the same cover is painted in another tone; in another size it is not.
"""

import asyncio
from functools import partial

from deskwire.terminal.daemon_thread import run_in_daemon_thread
from deskwire.tui.cover import Cover
from deskwire.tui.graphics import CoverArea, RenderedCover, TerminalGraphics, painting

Wanted = tuple[Cover, TerminalGraphics, int, int, bool]


class CoverRenderer:
    """Holds one painting, and the one that is under way."""

    def __init__(self) -> None:
        self._wanted: Wanted | None = None
        self._done: RenderedCover | None = None
        self._done_of: Wanted | None = None
        self._at_work: asyncio.Task[None] | None = None

    def painting(
        self, cover: Cover | None, canvas: TerminalGraphics, place: CoverArea | None, *, away: bool
    ) -> RenderedCover | None:
        """Return what paints it, `None` until that is known, or where nothing is to be painted."""
        if cover is None or place is None or not canvas.pixels:
            self.clear()
            return None
        wanted = (cover, canvas, place.rows, place.columns, away)
        if wanted != self._wanted:
            self._begin(wanted)
        if self._done_of is not None and self._done_of[:-1] == wanted[:-1]:
            return self._done
        return None

    def clear(self) -> None:
        """Leave nothing, and nothing running."""
        self._wanted = self._done = self._done_of = None
        self._stop()

    def _begin(self, wanted: Wanted) -> None:
        self._stop()
        self._wanted = wanted
        self._at_work = asyncio.create_task(self._paint(wanted), name="deskwire easel")

    def _stop(self) -> None:
        if self._at_work is not None:
            self._at_work.cancel()
            self._at_work = None

    async def _paint(self, wanted: Wanted) -> None:
        cover, canvas, rows, columns, away = wanted
        done = await run_in_daemon_thread(
            partial(painting, cover, canvas, rows, columns, away=away)
        )
        self._done, self._done_of = done, wanted
