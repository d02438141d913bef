"""Textual application around the drawing: it reads keys and shows lines.

The desk lives in its own thread (`deskwire.client.sync`). The application reads it ten times a
second, draws all lines, and repaints those that have changed. It uses the terminal's own sixteen
colours, which suit dark and light terminals.
"""

import asyncio
import signal
import sys
import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key, Paste

from deskwire.client.desk_state import ConnectionState, Phase
from deskwire.client.sync import Desk
from deskwire.model.instant import read_clock
from deskwire.model.problems import Problem
from deskwire.model.readings import Player, PlayerId, Snapshot
from deskwire.model.units import Seconds
from deskwire.tui.background import run_in_daemon_thread
from deskwire.tui.connection_status import notice
from deskwire.tui.covers import CoverLoader, CoverRenderer
from deskwire.tui.graphics import (
    GraphicsProtocol,
    TerminalGraphics,
    erase_sequence,
    find_cover_area,
)
from deskwire.tui.readings import TrendRecorder
from deskwire.tui.reauthentication import Reauthentication
from deskwire.tui.screen import render_screen
from deskwire.tui.screen_widget import ScreenWidget
from deskwire.tui.terminal_capabilities import with_current_cell_size
from deskwire.tui.view_model import Playheads, ViewModel

StateQueue = deque[ConnectionState]
"""States that the client's thread appends and the event loop removes."""

UPDATE_INTERVAL = 0.1
"""Seconds."""
NOTICE_DURATION = Seconds(8)


class TerminalDriver(LinuxDriver):
    """Textual's driver. It writes the escape sequences of the cover and removes the cover."""

    def __init__(self, app: "TopApp", **options: Any) -> None:
        super().__init__(app, **options)
        self.top = app
        app.terminal = self

    def stop_application_mode(self) -> None:
        """Remove the cover before another program uses the terminal."""
        self.top.widget.erase()
        super().stop_application_mode()


class TopApp(App[int]):
    """The application. It ends with `q`, or with a signal, whose exit code it returns."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "run_command('play-pause')", show=False),
        Binding("n", "run_command('next')", show=False),
        Binding("p", "run_command('previous')", show=False),
        Binding("s", "run_command('stop')", show=False),
        Binding("up", "select(-1)", show=False),
        Binding("down", "select(1)", show=False),
        Binding("q", "leave", show=False),
        Binding("ctrl+c,ctrl+q", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False),
    ]

    def __init__(
        self,
        desk: Desk,
        states: StateQueue,
        graphics: TerminalGraphics,
        reauthentication: Reauthentication,
    ) -> None:
        super().__init__(driver_class=TerminalDriver, ansi_color=True)
        self.terminal: TerminalDriver | None = None
        self._desk: Desk | None = desk
        """`None` while it reconnects with a new password, and after that has failed."""
        self._address = desk.address
        self._reauthentication = reauthentication
        self._states = states
        self._graphics = graphics
        self._renderer = CoverRenderer()
        self.widget = ScreenWidget(
            lambda _: self._draw(), self.write_sequence, erase_sequence(graphics)
        )
        self._snapshot = desk.snapshot
        self.state = desk.state
        self._recorder = TrendRecorder()
        self._playheads = Playheads()
        self._lost: Seconds | None = None
        """CLOCK_MONOTONIC when the connection was lost."""
        self._selected: PlayerId | None = None
        self._index = 0
        """Index of the selected player. It stays when that player goes."""
        self._loader = CoverLoader()
        self._commands: set[asyncio.Task[None]] = set()
        self._notice = ""
        self._notice_until = Seconds(0)

    def compose(self) -> ComposeResult:
        """Show the only widget."""
        yield self.widget

    def on_mount(self) -> None:
        """Start the updates."""
        self._states.clear()
        if self._desk is not None:
            self.state = self._desk.state
        self._use(self._snapshot)
        playing = [player.id for player in self._snapshot.players if player.playing]
        self._selected = playing[0] if playing else None
        with suppress(RuntimeError, ValueError):  # outside the main thread there are no signals
            for each in (signal.SIGTERM, signal.SIGHUP):
                end = partial(self.exit, 128 + each)
                asyncio.get_running_loop().add_signal_handler(each, end)
        self.app_resume_signal.subscribe(self, lambda _: self._redraw())
        self.set_interval(UPDATE_INTERVAL, self._update)
        self._update()

    def on_unmount(self) -> None:
        """Cancel all tasks."""
        self._renderer.cancel()
        self._loader.cancel()
        self._reauthentication.stop()
        for task in self._commands:
            task.cancel()

    # ---- keys ------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """End."""
        self.exit()

    def action_select(self, step: int) -> None:
        """Select the next or the previous player."""
        players = self._snapshot.players
        if players:
            self._index = (self._selected_index() + step) % len(players)
            self._selected = players[self._index].id
            self._update()

    def action_run_command(self, action: str) -> None:
        """Run a command on the selected player."""
        if self._snapshot.players and self._desk is not None:
            player = self._snapshot.players[self._selected_index()]
            command = self._run_command(action, self._desk, player)
            task = asyncio.create_task(command, name="deskwire command")
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)

    async def _run_command(self, action: str, desk: Desk, player: Player) -> None:
        methods = {
            "play-pause": desk.play_pause,
            "next": desk.next,
            "previous": desk.previous,
            "stop": desk.stop,
        }
        try:
            await run_in_daemon_thread(partial(methods[action], player))
        except Problem as problem:
            self._show_notice(f"{player.name}: {problem.message}")

    # ---- password prompt -------------------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        """Pass a key to the prompt, if one is open."""
        if self._reauthentication.prompt is not None:
            event.stop()
            if self._reauthentication.press(event.key, event.character, self._reconnected):
                self._desk = None
            self._draw()

    def on_paste(self, event: Paste) -> None:
        """Paste into the prompt, if one is open."""
        if self._reauthentication.prompt is not None:
            self._reauthentication.prompt.paste(event.text)
            self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let the keys type letters while a prompt is open."""
        del parameters
        keys_are_free = self._reauthentication.prompt is None
        return keys_are_free or action not in {"run_command", "select", "leave"}

    def _reconnected(self, desk: Desk) -> None:
        self._desk = desk

    # ---- updates ---------------------------------------------------------------------------------

    def _update(self) -> None:
        while self._states:
            self._change_state(self._states.popleft())
        if self._desk is not None and self._desk.snapshot is not self._snapshot:
            self._use(self._desk.snapshot)
        self._reauthentication.update(self.state)
        self._graphics = with_current_cell_size(self._graphics, sys.__stderr__)
        players = self._snapshot.players
        if self._desk is not None and self._graphics.protocol is not GraphicsProtocol.NONE:
            self._loader.load(self._desk, players[self._selected_index()] if players else None)
        self._draw()

    def _change_state(self, state: ConnectionState) -> None:
        wait = 0.0 if state.retry_at is None else max(state.retry_at - read_clock().boot, 0.0)
        text = notice(self.state, state, Seconds(wait))
        if text:
            self._show_notice(text)
        self.state = state
        if state.phase in (Phase.LIVE, Phase.EXPIRING):
            self._lost = None
        elif self._lost is None:
            self._lost = Seconds(time.monotonic())

    def _use(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._recorder.record(snapshot, Seconds(time.monotonic()))
        self._playheads.update(snapshot)

    def _selected_index(self) -> int:
        """Return the index of the selected player, or of its successor if it has gone."""
        players = self._snapshot.players
        for at, player in enumerate(players):
            if player.id == self._selected:
                self._index = at
                return at
        self._index = min(self._index, max(len(players) - 1, 0))
        self._selected = players[self._index].id if players else None
        return self._index

    def _draw(self) -> None:
        monotonic = Seconds(time.monotonic())
        prompt = self._reauthentication.prompt
        view = ViewModel(
            address=self._address,
            snapshot=self._snapshot,
            state=self.state,
            trends=self._recorder.trends,
            playheads=self._playheads,
            selected=self._selected_index(),
            cover=self._loader.cover,
            graphics=self._graphics,
            prompt=prompt.text if prompt else "",
            notice=self._notice if monotonic < self._notice_until else "",
            monotonic=monotonic if self._lost is None else self._lost,
            now=read_clock(),
        )
        lines = render_screen(view, *self.widget.size)
        cover = self._renderer.render(
            self._loader.cover, self._graphics, find_cover_area(lines), grey=view.stale
        )
        self.widget.show(lines, cover)

    def _redraw(self) -> None:
        """Draw everything: another program has used the terminal, which is blank now."""
        self.widget.erase()
        self.refresh(layout=True)
        self._draw()

    def write_sequence(self, sequence: str) -> None:
        """Write an escape sequence between two frames."""
        if self.terminal is not None:
            self.terminal.write(sequence)

    def _show_notice(self, text: str) -> None:
        self._notice = text
        self._notice_until = Seconds(time.monotonic() + NOTICE_DURATION)
