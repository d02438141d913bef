"""The terminal around the drawing: keys in, lines out.

The desk lives in a thread of its own (`deskwire.client.sync`), so this looks ten times a second at
what it has, draws, and repaints the lines that differ; a screen on which nothing moves is left
alone. Colours are the terminal's own sixteen, so it suits a dark one and a light one alike.
"""

import asyncio
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from typing import ClassVar

from rich.console import RenderableType
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key, Paste

from deskwire.client.connection_state import Phase, State
from deskwire.client.sync import Desk
from deskwire.model.commands import Action
from deskwire.model.instant import read_clock
from deskwire.model.problems import Problem
from deskwire.model.readings import Player, PlayerId, Snapshot
from deskwire.model.units import Seconds
from deskwire.terminal.daemon_thread import run_in_daemon_thread
from deskwire.tui.connection_status import notice
from deskwire.tui.cover_loader import CoverLoader
from deskwire.tui.cover_renderer import CoverRenderer
from deskwire.tui.graphics import GraphicsProtocol, TerminalGraphics, erasure, find_cover_area
from deskwire.tui.playheads import Playheads
from deskwire.tui.reauthentication import Reauthentication
from deskwire.tui.screen import ViewModel, render_screen
from deskwire.tui.screen_widget import ScreenWidget
from deskwire.tui.spans import Line
from deskwire.tui.state_queue import StateQueue
from deskwire.tui.terminal_capabilities import with_current_cell_size
from deskwire.tui.trends import History

LOOKS_EVERY = 0.1
NEWS_LAST = Seconds(8)


class TopApp(App[int]):
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
        Binding("q", "leave", show=False),
        Binding("ctrl+c,ctrl+q", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False),
    ]

    def __init__(
        self, desk: Desk, journal: StateQueue, canvas: TerminalGraphics, again: Reauthentication
    ) -> None:
        super().__init__(ansi_color=True)
        self._desk: Desk | None = desk
        """`None` while it is entered anew, and when that was in vain."""
        self._address = desk.address
        self._again = again
        self._journal = journal
        self._canvas = canvas
        self._easel = CoverRenderer()
        self._picture = ScreenWidget(lambda _: self._draw(), self._write, erasure(canvas))
        self._snapshot = desk.snapshot
        self._state = desk.state
        self._history = History()
        self._heads = Playheads()
        self._stood_still: Seconds | None = None
        """When the desk was lost, CLOCK_MONOTONIC."""
        self._selected: PlayerId | None = None
        self._place = 0
        """Where the selected player was in the list: when it goes, its neighbour is next."""
        self._sleeve = CoverLoader()
        self._tapping: set[asyncio.Task[None]] = set()
        self._news = ""
        self._news_until = Seconds(0)
        self._over = False

    def compose(self) -> ComposeResult:
        """Put the one widget on the screen."""
        yield self._picture

    def on_mount(self) -> None:
        """Begin to look at the desk."""
        self._journal.read()
        if self._desk is not None:
            self._state = self._desk.state
        self._take(self._snapshot)
        playing = [player.id for player in self._snapshot.players if player.playing]
        self._selected = playing[0] if playing else None
        with suppress(RuntimeError, ValueError):  # not in the main thread: nobody signals it
            for each in (signal.SIGTERM, signal.SIGHUP):
                end = partial(self.exit, 128 + each)
                asyncio.get_running_loop().add_signal_handler(each, end)
        self.app_suspend_signal.subscribe(self, lambda _: self._picture.erase(), immediate=True)
        self.app_resume_signal.subscribe(self, lambda _: self._begin_anew())
        self.set_interval(LOOKS_EVERY, self._look)
        self._look()

    def on_unmount(self) -> None:
        """Leave nothing running."""
        self._easel.clear()
        self._sleeve.stop()
        self._again.stop()
        for task in self._tapping:
            task.cancel()

    def exit(
        self,
        result: int | None = None,
        return_code: int = 0,
        message: RenderableType | None = None,
    ) -> None:
        """End, and leave no picture behind."""
        self._picture.erase()
        self._over = True
        super().exit(result, return_code, message)

    @property
    def shown(self) -> list[Line]:
        """The lines on the screen."""
        return self._picture.lines

    @property
    def state(self) -> State:
        """How the connection is."""
        return self._state

    # ---- keys ------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """End."""
        self.exit()

    def action_select(self, step: int) -> None:
        """Select the next or the previous player."""
        players = self._snapshot.players
        if players:
            self._place = (self._index() + step) % len(players)
            self._selected = players[self._place].id
            self._look()

    def action_tap(self, action: str) -> None:
        """Move the selected player."""
        if self._snapshot.players and self._desk is not None:
            player = self._snapshot.players[self._index()]
            task = asyncio.create_task(
                self._tap(Action(action), self._desk, player), name="deskwire tap"
            )
            self._tapping.add(task)
            task.add_done_callback(self._tapping.discard)

    async def _tap(self, action: Action, desk: Desk, player: Player) -> None:
        do = {
            Action.PLAY_PAUSE: desk.play_pause,
            Action.NEXT: desk.next,
            Action.PREVIOUS: desk.previous,
            Action.STOP: desk.stop,
        }[action]
        try:
            await run_in_daemon_thread(partial(do, player))
        except Problem as problem:
            self._say(f"{player.name}: {problem.message}")

    # ---- asking for the password -----------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        """Type into the question, where one is asked."""
        if self._again.question is not None:
            event.stop()
            if self._again.press(event.key, event.character, self._entered):
                self._desk = None
            self._draw()

    def on_paste(self, event: Paste) -> None:
        """Take a password from where passwords are kept."""
        if self._again.question is not None:
            self._again.question.paste(event.text)
            self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let keys be letters while a question is asked."""
        del parameters
        return self._again.question is None or action not in {"tap", "select", "leave"}

    def _entered(self, desk: Desk) -> None:
        self._desk = desk

    # ---- looking ---------------------------------------------------------------------------------

    def _look(self) -> None:
        for state in self._journal.read():
            self._become(state)
        if self._desk is not None and self._desk.snapshot is not self._snapshot:
            self._take(self._desk.snapshot)
        self._again.look(self._state)
        self._canvas = with_current_cell_size(self._canvas, sys.__stderr__)
        players = self._snapshot.players
        if self._desk is not None and self._canvas.medium is not GraphicsProtocol.NONE:
            self._sleeve.want(self._desk, players[self._index()] if players else None)
        self._draw()

    def _become(self, state: State) -> None:
        now = read_clock().boot
        wait = Seconds(0 if state.again is None else max(state.again - now, 0.0))
        told = notice(self._state, state, wait)
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
        if self._over:
            return
        monotonic = Seconds(time.monotonic())
        scene = ViewModel(
            address=self._address,
            snapshot=self._snapshot,
            state=self._state,
            trends=self._history.trends(),
            heads=self._heads,
            selected=self._index(),
            cover=self._sleeve.cover,
            canvas=self._canvas,
            question=self._again.question.words if self._again.question else "",
            news=self._news if monotonic < self._news_until else "",
            monotonic=monotonic if self._stood_still is None else self._stood_still,
            now=read_clock(),
        )
        lines = render_screen(scene, *self._picture.size)
        painting = self._easel.painting(
            self._sleeve.cover, self._canvas, find_cover_area(lines), away=scene.away
        )
        self._picture.show(lines, painting)

    def _begin_anew(self) -> None:
        """Paint everything: the terminal was somebody else's meanwhile, and is cleared."""
        self._picture.erase()
        self.refresh(layout=True)
        self._draw()

    def _write(self, sequence: str) -> None:
        """Tell the terminal something, between two frames."""
        if self._driver is not None:
            self._driver.write(sequence)

    def _say(self, words: str) -> None:
        self._news = words
        self._news_until = Seconds(time.monotonic() + NEWS_LAST)
