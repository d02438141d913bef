"""Blocking calls beside the event loop, in daemon threads.

`asyncio.to_thread` would delay the end of the program: the loop waits for its threads, and a
download from an unreachable desk takes ten seconds to fail.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import TypeVar

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
