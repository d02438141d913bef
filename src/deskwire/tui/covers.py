"""Background tasks for the selected player's cover: download and rendering."""

import asyncio
from contextlib import suppress
from functools import partial

from deskwire.client.sync import Desk
from deskwire.model.problems import Problem
from deskwire.model.readings import ArtKey, Player
from deskwire.tui.cover import Cover, parse_cover
from deskwire.tui.daemon_thread import run_in_daemon_thread
from deskwire.tui.graphics import CoverArea, RenderedCover, TerminalGraphics, render_cover

RenderRequest = tuple[Cover, TerminalGraphics, int, int, bool]
"""Arguments of `render_cover`."""


class CoverLoader:
    """Loader of one player's cover, again if another player is selected or the cover changes."""

    def __init__(self) -> None:
        self.cover: Cover | None = None
        """`None` while it loads, and if the player has none."""
        self._key: ArtKey | None = None
        self._task: asyncio.Task[None] | None = None

    def load(self, desk: Desk, player: Player | None) -> None:
        """Load this player's cover, unless it is the present one."""
        key = None if player is None else player.art
        if key == self._key:
            return
        self.stop()
        self.cover, self._key = None, key
        if player is not None and key is not None:
            self._task = asyncio.create_task(self._load(desk, player), name="deskwire cover")

    def stop(self) -> None:
        """Cancel the download."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _load(self, desk: Desk, player: Player) -> None:
        with suppress(Problem):
            self.cover = await run_in_daemon_thread(partial(download_cover, desk, player))


def download_cover(desk: Desk, player: Player) -> Cover | None:
    """Download and decode a player's cover."""
    art = desk.art(player)
    return None if art is None else parse_cover(art.content)


class CoverRenderer:
    """Renderer with one task, for the newest request.

    The previous result is still shown while the same cover is rendered in grey or in colour, but
    not while it is rendered in another size.
    """

    def __init__(self) -> None:
        self._request: RenderRequest | None = None
        self._rendered: RenderedCover | None = None
        self._rendered_for: RenderRequest | None = None
        self._task: asyncio.Task[None] | None = None

    def render(
        self,
        cover: Cover | None,
        graphics: TerminalGraphics,
        area: CoverArea | None,
        *,
        grey: bool,
    ) -> RenderedCover | None:
        """Return the rendered cover, `None` while there is none yet or nothing to draw."""
        if cover is None or area is None or not graphics.has_pictures:
            self.clear()
            return None
        request = (cover, graphics, area.rows, area.columns, grey)
        if request != self._request:
            self._stop()
            self._request = request
            self._task = asyncio.create_task(self._render(request), name="deskwire cover renderer")
        if self._rendered_for is not None and self._rendered_for[:-1] == request[:-1]:
            return self._rendered
        return None

    def clear(self) -> None:
        """Forget the result and cancel the task."""
        self._request = self._rendered = self._rendered_for = None
        self._stop()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _render(self, request: RenderRequest) -> None:
        cover, graphics, rows, columns, grey = request
        render = partial(render_cover, cover, graphics, rows, columns, grey=grey)
        self._rendered = await run_in_daemon_thread(render)
        self._rendered_for = request
