"""A scripted desk on an event loop of its own, for tests that block theirs."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from tests.support.scripted_desk import ScriptedDesk
from tests.support.time_scaling import patiently

T = TypeVar("T")


class DeskInAThread:
    """Enter it to open its door."""

    def __init__(self) -> None:
        self.desk = ScriptedDesk()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted desk")

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """Have the desk do something, and wait for it."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(patiently(5))

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self.desk.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self.desk.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
