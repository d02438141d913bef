"""Blocking calls beside the event loop, in daemon threads.

`asyncio.to_thread` would delay the end of the program: the loop waits for its threads, and a
download from an unreachable desk takes ten seconds to fail.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from deskwire.model.problems import Problem

K = TypeVar("K")
T = TypeVar("T")


async def run_in_daemon_thread(function: Callable[[], T]) -> T:
    """Return the result of a function that may block, or raise its exception."""
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    outcome.set_running_or_notify_cancel()  # from here on, a cancelled caller cannot cancel it

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - raised in the caller
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=run, name="deskwire blocking call", daemon=True).start()
    return await asyncio.wrap_future(outcome)


class LatestCall(Generic[K, T]):
    """The newest of several calls, and the last result. Both have a key."""

    def __init__(self) -> None:
        self.key: K | None = None
        self.result: T | None = None
        self.result_key: K | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, key: K, function: Callable[[], T]) -> None:
        """Call a function and cancel the call before, unless that one has the same key."""
        if key != self.key:
            self.cancel()
            self.key = key
            self._task = asyncio.create_task(self._run(key, function), name="deskwire call")

    def cancel(self) -> None:
        """Cancel the newest call."""
        if self._task is not None:
            self._task.cancel()
        self.key = self._task = None

    async def _run(self, key: K, function: Callable[[], T]) -> None:
        with suppress(Problem):
            self.result = await run_in_daemon_thread(function)
            self.result_key = key
