"""An event loop whose time passes at once when nothing is going on.

Whoever waits on it, waits for nothing: 20 minutes of a session take as long as what happens in
them. Everything must be on the one loop, both ends of a socket too; a thread's job holds time up.
"""

import asyncio
import concurrent.futures
import selectors
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from deskwire.model.instant import Instant
from deskwire.model.units import Seconds

T = TypeVar("T")

SETTLES = 0.0005
"""Seconds that a thread's answer, or a socket's other end, may be on its way."""


class Selector(selectors.DefaultSelector):
    """Waits for what is ready, and lets time pass where nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        self.jobs = 0
        self.guard = threading.Lock()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0 or self.jobs:
            return super().select(timeout)
        ready = super().select(min(timeout, SETTLES))
        if not ready and not self.jobs:
            self.skipped += max(0.0, timeout - SETTLES)
        return ready


class WarpedLoop(asyncio.SelectorEventLoop):
    """The loop; its clock is the machine's, and what was skipped."""

    def __init__(self) -> None:
        self._selector_of_ours = Selector()
        super().__init__(self._selector_of_ours)

    def time(self) -> float:
        return super().time() + self._selector_of_ours.skipped

    def clock(self) -> Instant:
        """Both clocks, warped alike; for the server's side."""
        skipped = self._selector_of_ours.skipped
        boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        return Instant(wall=Seconds(time.time() + skipped), boot=Seconds(boot + skipped))

    def hold(self, job: "concurrent.futures.Future[Any]") -> None:
        """Let no time be skipped until a thread's job is done."""
        selector = self._selector_of_ours
        with selector.guard:
            selector.jobs += 1

        def done(_: object) -> None:
            with selector.guard:
                selector.jobs -= 1

        job.add_done_callback(done)


def run_warped(main: Callable[[WarpedLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main` on a loop of its own."""
    submit = concurrent.futures.ThreadPoolExecutor.submit
    loop = WarpedLoop()

    def held(
        self: concurrent.futures.ThreadPoolExecutor, *of: Any, **more: Any
    ) -> "concurrent.futures.Future[Any]":
        job = submit(self, *of, **more)
        loop.hold(job)
        return job

    concurrent.futures.ThreadPoolExecutor.submit = held  # type: ignore[method-assign,assignment]
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(main(loop))
    finally:
        concurrent.futures.ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]
