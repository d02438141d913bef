"""The cover of the selected player, fetched when another one is selected or its picture changes."""

import asyncio
from contextlib import suppress
from functools import partial

from deskwire.client.sync import Desk
from deskwire.model.problems import Problem
from deskwire.model.readings import ArtKey, Player
from deskwire.terminal.daemon_thread import run_in_daemon_thread
from deskwire.tui.cover import Cover, parse_cover


class CoverLoader:
    """Has one player's cover, and no other's."""

    def __init__(self) -> None:
        self.cover: Cover | None = None
        """`None` until it is there, and where there is none."""
        self._of: ArtKey | None = None
        self._fetching: asyncio.Task[None] | None = None

    def want(self, desk: Desk, player: Player | None) -> None:
        """Have this player's cover."""
        wanted = None if player is None else player.art
        if wanted == self._of:
            return
        self.stop()
        self.cover, self._of = None, wanted
        if player is not None and wanted is not None:
            fetching = self._fetch(desk, player)
            self._fetching = asyncio.create_task(fetching, name="deskwire cover")

    def stop(self) -> None:
        """Leave nothing running."""
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None

    async def _fetch(self, desk: Desk, player: Player) -> None:
        with suppress(Problem):
            self.cover = await run_in_daemon_thread(partial(picture_of, desk, player))


def picture_of(desk: Desk, player: Player) -> Cover | None:
    """Return a player's cover."""
    art = desk.art(player)
    return None if art is None else parse_cover(art.content)
