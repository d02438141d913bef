"""Blocking client of one desk, for scripts without an event loop.

    with connect("https://desk.local:8765", "owner", password) as desk:
        for snapshot in desk: ...

The connection runs on an event loop in a separate thread, so it answers pings and renews its
session while the script sleeps or computes.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

from deskwire.client import desk as asynchronous
from deskwire.client import desk_state
from deskwire.client.authenticator import KeepLogin
from deskwire.client.credentials import AskPassword, Login
from deskwire.client.desk_state import ConnectionState
from deskwire.client.http import Art
from deskwire.client.problems import NotConnected
from deskwire.client.timeouts import Timeouts
from deskwire.client.trust import Trust
from deskwire.model.problems import Problem
from deskwire.model.readings import Player, Snapshot

__all__ = ["Desk", "Snapshots", "connect"]

SHUTDOWN_TIMEOUT = 3.0
"""Time for interrupted calls to close their resources, in seconds."""

T = TypeVar("T")


class Desk:
    """One desk, connected inside `with`; use it in one thread."""

    def __init__(self, desk: asynchronous.Desk) -> None:
        """`desk` must not be connected yet."""
        self._desk = desk
        self._thread: LoopThread | None = None

    @property
    def address(self) -> str:
        """Address of the desk as `scheme://host:port`."""
        return self._desk.address

    @property
    def snapshot(self) -> Snapshot:
        """Newest snapshot; the last one while the desk is away."""
        return self._entered().snapshot

    @property
    def state(self) -> ConnectionState:
        """State of the connection."""
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

    def get(self, *topics: str) -> dict[str, Any]:
        """Get the present readings of these topics; as `deskwire.client.Desk.get`."""
        return self._do(self._entered().get(*topics))

    def subscribe(self, *topics: str, interval: float = 1.0) -> Iterator[dict[str, Any]]:
        """Iterate over the readings of these topics; as `deskwire.client.Desk.subscribe`.

        Leave the iteration before the desk.
        """
        readings = self._entered().subscribe(*topics, interval=interval)

        async def newer() -> dict[str, Any] | None:
            return await anext(readings, None)

        try:
            while (newest := self._do(newer())) is not None:
                yield newest
        finally:
            self._do(readings.aclose())

    def command(self, name: str, **arguments: Any) -> None:
        """Have a command carried out; as `deskwire.client.Desk.command`."""
        self._do(self._entered().command(name, **arguments))

    def art(self, player: str | Player) -> Art | None:
        """Get a player's cover picture; `None` if there is none."""
        return self._do(self._entered().art(player))

    def __enter__(self) -> Self:
        """Connect and wait for the first snapshot. Raises as the asynchronous one."""
        if self._thread is not None:
            raise RuntimeError("the desk is already connected")
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
    """Thread with an event loop that runs coroutines for other threads.

    Callers wait in `SimpleQueue.get`, which is one call into C. An interrupt inside
    `Future.result`, which is Python code, could leave its lock in an undefined state.
    """

    def __init__(self) -> None:
        self._ready: SimpleQueue[asyncio.AbstractEventLoop] = SimpleQueue()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run_loop, name="deskwire", daemon=True)
        self._thread.start()
        self._loop = self._ready.get()

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and wait for it; an interrupt cancels it."""
        doing: list[asyncio.Task[T]] = []
        ended: SimpleQueue[asyncio.Task[T]] = SimpleQueue()

        def begin() -> None:
            doing.append(self._loop.create_task(what))
            doing[0].add_done_callback(end)

        def end(task: asyncio.Task[T]) -> None:
            if not task.cancelled():
                task.exception()  # mark as retrieved
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
        """Let running coroutines finish within a bound, then end the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run_loop(self) -> None:
        asyncio.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        self._ready.put(asyncio.get_running_loop())
        await self._stop.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=SHUTDOWN_TIMEOUT)


class Snapshots:
    """Iterator over snapshots; a slow consumer skips to the newest."""

    def __init__(
        self,
        do: Callable[[Coroutine[Any, Any, Snapshot]], Snapshot],
        snapshots: desk_state.Snapshots,
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
    password: str | AskPassword,
    *,
    trust: Trust | None = None,
    login: Login | None = None,
    keep_login: KeepLogin | None = None,
    on_state: Callable[[ConnectionState], None] | None = None,
    on_refusal: Callable[[Problem], None] | None = None,
    keep_trying: bool = False,
    timeouts: Timeouts | None = None,
) -> Desk:
    """Return the desk at `url`, for use with `with`; see `deskwire.client.connect`.

    Callbacks, including a `password` function, run in the connection's thread.
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
            timeouts=timeouts,
        )
    )
