"""The terminal around the drawing: keys in, lines out. The only file that knows Textual.

The desk lives in a thread of its own (`deskwire.client.sync`), so this looks ten times a second at
what it has, draws, and repaints the lines that differ; a screen on which nothing moves is left
alone. Colours are the terminal's own sixteen, so it suits a dark one and a light one alike.
"""

import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from deskwire.cli.top.cover import Cover, parse_cover
from deskwire.cli.top.off_loop import off_loop
from deskwire.cli.top.playheads import Playheads
from deskwire.cli.top.screen import Scene, draw
from deskwire.cli.top.spans import Line, Rgb, Span, Tone
from deskwire.cli.top.standing import news
from deskwire.cli.top.trends import History
from deskwire.client.clock import read_clock
from deskwire.client.state import Phase, State
from deskwire.client.sync import Desk
from deskwire.model.commands import Action
from deskwire.model.problems import Problem
from deskwire.model.snapshot import ArtKey, Player, PlayerId, Snapshot
from deskwire.model.units import Seconds

LOOKS_EVERY = 0.1
NEWS_LAST = Seconds(8)

LOOKS = {
    Tone.PLAIN: Style(),
    Tone.STRONG: Style(bold=True),
    Tone.FAINT: Style(dim=True),
    Tone.GOOD: Style(color="green"),
    Tone.WARN: Style(color="yellow"),
    Tone.BAD: Style(color="red", bold=True),
    Tone.ACCENT: Style(color="cyan"),
    Tone.TRACK: Style(color="cyan", bgcolor="bright_black"),
}


class Journal:
    """What became of the connection since somebody last looked; told from any thread."""

    def __init__(self) -> None:
        self._states: deque[State] = deque(maxlen=64)

    def __call__(self, state: State) -> None:
        """Take a state."""
        self._states.append(state)

    def read(self) -> list[State]:
        """Return the states since the last time, oldest first."""
        return [self._states.popleft() for _ in range(len(self._states))]


class Picture(Widget):
    """Shows drawn lines."""

    DEFAULT_CSS = "Picture { width: 100%; height: 100%; background: ansi_default; }"
    can_focus = False

    def __init__(self, resized: Callable[[Size], None]) -> None:
        super().__init__()
        self._resized = resized
        self.lines: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        """Repaint the lines that differ from those shown."""
        before, self.lines = self.lines, lines
        if len(before) != len(lines):
            self.refresh()
            return
        changed = [at for at, line in enumerate(lines) if line != before[at]]
        if changed:
            self.refresh(*(Region(0, at, self.size.width, 1) for at in changed))

    def render_line(self, y: int) -> Strip:
        """Return one line as Textual wants it."""
        width = self.size.width
        if y >= len(self.lines):
            return Strip.blank(width)
        segments = [Segment(span.text, look(span)) for span in self.lines[y]]
        return Strip(segments).adjust_cell_length(width)

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


class Top(App[int]):
    """The screen; it ends with `q`, or by a signal: then what it returns is the exit code."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { background: ansi_default; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tap('play-pause')", show=False),
        Binding("n", "tap('next')", show=False),
        Binding("p", "tap('previous')", show=False),
        Binding("s", "tap('stop')", show=False),
        Binding("up", "select(-1)", show=False),
        Binding("down", "select(1)", show=False),
        Binding("q,ctrl+c,ctrl+q", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False),
    ]

    def __init__(self, desk: Desk, address: str, journal: Journal) -> None:
        super().__init__(ansi_color=True)
        self._desk = desk
        self._address = address
        self._journal = journal
        self._picture = Picture(lambda _: self._draw())
        self._snapshot = desk.snapshot
        self._state = desk.state
        self._history = History()
        self._heads = Playheads()
        self._stood_still: Seconds | None = None
        """When the desk was lost, CLOCK_MONOTONIC."""
        self._selected: PlayerId | None = None
        self._place = 0
        """Where the selected player was in the list: when it goes, its neighbour is next."""
        self._cover: Cover | None = None
        self._cover_of: ArtKey | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._tapping: set[asyncio.Task[None]] = set()
        self._news = ""
        self._news_until = Seconds(0)

    def compose(self) -> ComposeResult:
        """Put the one widget on the screen."""
        yield self._picture

    def on_mount(self) -> None:
        """Begin to look at the desk."""
        self._journal.read()
        self._take(self._snapshot)
        playing = [player.id for player in self._snapshot.players if player.playing]
        self._selected = playing[0] if playing else None
        with suppress(RuntimeError, ValueError):  # not in the main thread: nobody signals it
            for each in (signal.SIGTERM, signal.SIGHUP):
                end = partial(self.exit, 128 + each)
                asyncio.get_running_loop().add_signal_handler(each, end)
        self.set_interval(LOOKS_EVERY, self._look)
        self._look()

    def on_unmount(self) -> None:
        """Leave nothing running."""
        for task in (self._fetching, *self._tapping):
            if task is not None:
                task.cancel()

    @property
    def shown(self) -> list[Line]:
        """The lines on the screen."""
        return self._picture.lines

    # ---- keys ------------------------------------------------------------------------------------

    def action_select(self, step: int) -> None:
        """Select the next or the previous player."""
        players = self._snapshot.players
        if players:
            self._place = (self._index() + step) % len(players)
            self._selected = players[self._place].id
            self._look()

    def action_tap(self, action: str) -> None:
        """Move the selected player."""
        if self._snapshot.players:
            player = self._snapshot.players[self._index()]
            task = asyncio.create_task(self._tap(Action(action), player), name="deskwire tap")
            self._tapping.add(task)
            task.add_done_callback(self._tapping.discard)

    async def _tap(self, action: Action, player: Player) -> None:
        do = {
            Action.PLAY_PAUSE: self._desk.play_pause,
            Action.NEXT: self._desk.next,
            Action.PREVIOUS: self._desk.previous,
            Action.STOP: self._desk.stop,
        }[action]
        try:
            await off_loop(partial(do, player))
        except Problem as problem:
            self._say(f"{player.name}: {problem.message}")

    # ---- looking ---------------------------------------------------------------------------------

    def _look(self) -> None:
        for state in self._journal.read():
            self._become(state)
        snapshot = self._desk.snapshot
        if snapshot is not self._snapshot:
            self._take(snapshot)
        self._fetch_cover()
        self._draw()

    def _become(self, state: State) -> None:
        now = read_clock().boot
        wait = Seconds(0 if state.again is None else max(state.again - now, 0.0))
        told = news(self._state, state, wait)
        if told:
            self._say(told)
        self._state = state
        if state.phase in (Phase.LIVE, Phase.EXPIRING):
            self._stood_still = None
        elif self._stood_still is None:
            self._stood_still = Seconds(time.monotonic())

    def _take(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._history.take(snapshot, Seconds(time.monotonic()))
        self._heads.take(snapshot)

    def _index(self) -> int:
        """Return where the selected player is; when it is gone, who is in its place."""
        players = self._snapshot.players
        for at, player in enumerate(players):
            if player.id == self._selected:
                self._place = at
                return at
        self._place = min(self._place, max(len(players) - 1, 0))
        self._selected = players[self._place].id if players else None
        return self._place

    def _draw(self) -> None:
        monotonic = Seconds(time.monotonic())
        scene = Scene(
            address=self._address,
            snapshot=self._snapshot,
            state=self._state,
            trends=self._history.trends(),
            heads=self._heads,
            selected=self._index(),
            cover=self._cover,
            news=self._news if monotonic < self._news_until else "",
            monotonic=monotonic if self._stood_still is None else self._stood_still,
            now=read_clock(),
        )
        self._picture.show(draw(scene, *self._picture.size))

    def _say(self, words: str) -> None:
        self._news = words
        self._news_until = Seconds(time.monotonic() + NEWS_LAST)

    # ---- the cover -------------------------------------------------------------------------------

    def _fetch_cover(self) -> None:
        """Have the selected player's cover, and no other's."""
        players = self._snapshot.players
        player = players[self._index()] if players else None
        wanted = None if player is None else player.art
        if wanted == self._cover_of:
            return
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None
        self._cover, self._cover_of = None, wanted
        if player is not None and wanted is not None:
            self._fetching = asyncio.create_task(self._fetch(player), name="deskwire cover")

    async def _fetch(self, player: Player) -> None:
        with suppress(Problem):
            self._cover = await off_loop(lambda: self._picture_of(player))

    def _picture_of(self, player: Player) -> Cover | None:
        art = self._desk.art(player)
        return None if art is None else parse_cover(art.content)
