"""Blocking calls beside the event loop, in threads that hold up nobody's end.

`asyncio.to_thread` would: its threads are waited for when the loop closes, and a picture from a
desk that is gone takes ten seconds not to come.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def run_in_daemon_thread(do: Callable[[], T]) -> T:
    """Return what it returns, raise what it raises."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, problem: BaseException | None) -> None:
        if done.done():
            return
        if problem is not None:
            done.set_exception(problem)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # there is one without a problem

    def run() -> None:
        result, problem = None, None
        try:
            result = do()
        except BaseException as raised:  # noqa: BLE001 - raised where it is awaited
            problem = raised
        with suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, name="deskwire off loop", daemon=True).start()
    return await done
