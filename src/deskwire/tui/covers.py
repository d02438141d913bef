"""Download and rendering of the selected player's cover, both in the background."""

from functools import partial

from deskwire.client.sync import Desk
from deskwire.model.readings import ArtKey, Player
from deskwire.tui.background import LatestCall
from deskwire.tui.cover import Cover, parse_cover
from deskwire.tui.graphics import CoverArea, RenderedCover, TerminalGraphics, render_cover


class CoverLoader(LatestCall[ArtKey, Cover | None]):
    """Loader of one player's cover, again if another player is selected or the cover changes."""

    def load(self, desk: Desk, player: Player | None) -> None:
        """Load this player's cover, unless it is the present one."""
        if player is None or player.art is None:
            self.cancel()
        else:
            self.start(player.art, partial(download_cover, desk, player))

    @property
    def cover(self) -> Cover | None:
        """The cover, `None` while it loads, and if the player has none."""
        return self.result if self.key is not None and self.key == self.result_key else None


def download_cover(desk: Desk, player: Player) -> Cover | None:
    """Download and decode a player's cover."""
    art = desk.art(player)
    return None if art is None else parse_cover(art.content)


class CoverRenderer(LatestCall[tuple[Cover, TerminalGraphics, int, int, bool], RenderedCover]):
    """Renderer of a cover for the area that a drawn display leaves free.

    The previous result is still shown while the same cover is rendered in grey or in colour, but
    not while it is rendered in another size.
    """

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
            self.cancel()
            self.result_key = None
            return None
        request = (cover, graphics, area.rows, area.columns, grey)
        self.start(request, partial(render_cover, *request[:-1], grey=grey))
        done = self.result_key
        return self.result if done is not None and done[:-1] == request[:-1] else None
