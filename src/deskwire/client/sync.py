"""The same desk for scripts without an event loop: plain calls, a plain `for`.

    with connect("https://desk.local:8765", "owner", password) as desk:
        for snapshot in desk: ...

The connection lives on an event loop in a thread of its own, so it answers the desk and rolls its
session over while the script sleeps or computes.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

from deskwire.client import desk as asynchronous
from deskwire.client import desk_state as heard
from deskwire.client.authenticator import Keep
from deskwire.client.connection_state import State
from deskwire.client.credentials import Ask, Login
from deskwire.client.http import Art
from deskwire.client.problems import NotConnected
from deskwire.client.timeouts import Pace
from deskwire.client.trust import Trust
from deskwire.model.problems import Problem
from deskwire.model.readings import Player, Snapshot

__all__ = ["Desk", "Snapshots", "connect"]

FAREWELL = 3.0
"""Seconds that what was interrupted has to close what it opened."""

T = TypeVar("T")


class Desk:
    """One desk, connected while it is entered (`with`); of one thread."""

    def __init__(self, desk: asynchronous.Desk) -> None:
        """`desk` is not entered yet."""
        self._desk = desk
        self._thread: LoopThread | None = None

    @property
    def address(self) -> str:
        """Where the desk is, as `scheme://host:port`."""
        return self._desk.address

    @property
    def snapshot(self) -> Snapshot:
        """The newest reading; while the desk is away, the last one."""
        return self._entered().snapshot

    @property
    def state(self) -> State:
        """How the connection is."""
        return self._entered().state

    def __iter__(self) -> "Snapshots":
        """Iterate over snapshots: the present one at once, then the newest each time.

        Ends when the desk says 1000; raises the `Problem` that ended it otherwise.
        """
        return Snapshots(self._do, aiter(self._entered()))

    def play_pause(self, player: str | Player) -> None:
        """Toggle play and pause; returns and raises as `deskwire.client.Desk.play_pause`."""
        self._do(self._entered().play_pause(player))

    def next(self, player: str | Player) -> None:
        """Skip to the next track."""
        self._do(self._entered().next(player))

    def previous(self, player: str | Player) -> None:
        """Go to the previous track."""
        self._do(self._entered().previous(player))

    def stop(self, player: str | Player) -> None:
        """Stop playback."""
        self._do(self._entered().stop(player))

    def art(self, player: str | Player) -> Art | None:
        """Fetch a player's cover picture; `None` where it has none."""
        return self._do(self._entered().art(player))

    def __enter__(self) -> Self:
        """Connect; returns with the first snapshot in hand. Raises as the asynchronous one."""
        if self._thread is not None:
            raise RuntimeError("a desk is entered once at a time")
        self._thread = LoopThread()
        try:
            self._do(self._desk.__aenter__())
        except BaseException:
            self._end_thread()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection and end the thread."""
        try:
            self._do(self._desk.__aexit__(kind, problem, trace))
        finally:
            self._end_thread()

    def _entered(self) -> asynchronous.Desk:
        if self._thread is None:
            raise NotConnected("not connected: use `with`")
        return self._desk

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        assert self._thread is not None
        return self._thread.do(what)

    def _end_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.end()


class LoopThread:
    """A thread with an event loop that does what other threads hand it.

    They wait in `SimpleQueue.get`, one call into C. An interrupt in the midst of `Future.result`,
    which is written in Python, would leave its lock neither held nor free.
    """

    def __init__(self) -> None:
        self._ready: SimpleQueue[asyncio.AbstractEventLoop] = SimpleQueue()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._live, name="deskwire", daemon=True)
        self._thread.start()
        self._loop = self._ready.get()

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """Have it done, and wait; an interrupt of the waiting ends the doing too."""
        doing: list[asyncio.Task[T]] = []
        ended: SimpleQueue[asyncio.Task[T]] = SimpleQueue()

        def begin() -> None:
            doing.append(self._loop.create_task(what))
            doing[0].add_done_callback(end)

        def end(task: asyncio.Task[T]) -> None:
            if not task.cancelled():
                task.exception()  # it is seen, also where nobody waits any more
            ended.put(task)

        def give_up() -> None:
            if doing:
                doing[0].cancel()
            else:
                what.close()

        try:
            self._loop.call_soon_threadsafe(begin)
            done = ended.get()
        except BaseException:
            self._loop.call_soon_threadsafe(give_up)
            raise
        return done.result()

    def end(self) -> None:
        """Give what is still being done time to end well, then end the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _live(self) -> None:
        asyncio.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        self._ready.put(asyncio.get_running_loop())
        await self._stop.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=FAREWELL)


class Snapshots:
    """Iterates over a desk's snapshots; slow ones skip to the newest."""

    def __init__(
        self,
        do: Callable[[Coroutine[Any, Any, Snapshot]], Snapshot],
        snapshots: heard.Snapshots,
    ) -> None:
        self._do = do
        self._snapshots = snapshots

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Snapshot:
        """Wait for the next snapshot."""
        try:
            return self._do(self._snapshots.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None


def connect(
    url: str,
    username: str,
    password: str | Ask,
    *,
    trust: Trust | None = None,
    login: Login | None = None,
    keep_login: Keep | None = None,
    on_state: Callable[[State], None] | None = None,
    on_refusal: Callable[[Problem], None] | None = None,
    keep_trying: bool = False,
    pace: Pace | None = None,
) -> Desk:
    """Return the desk at `url`, to be entered with `with`; see `deskwire.client.connect`.

    `on_state`, `on_refusal`, `keep_login` and a `password` that is asked for are called in the
    connection's own thread.
    """
    return Desk(
        asynchronous.connect(
            url,
            username,
            password,
            trust=trust,
            login=login,
            keep_login=keep_login,
            on_state=on_state,
            on_refusal=on_refusal,
            keep_trying=keep_trying,
            pace=pace,
        )
    )
