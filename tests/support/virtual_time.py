"""Event loop in virtual time, which advances only while all tasks wait.

A session of 20 minutes takes as long as its work, and a busy machine makes nothing late. All tasks
must run on this one loop, also both ends of a socket. Time stops while a thread of a pool works.
"""

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

from deskwire.model.instant import Instant
from deskwire.model.units import Seconds

T = TypeVar("T")

GRACE = 0.0005
"""Real seconds in which data of a socket or the result of a thread may still arrive."""

TURN = 1e-6
"""Virtual seconds of a turn of the loop. With none, the loop never reaches a deadline below it."""


class Selector(selectors.DefaultSelector):
    """Selector that skips its timeout if nothing is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        self.jobs = 0
        self._lock = threading.Lock()

    def hold(self, job: "Future[Any] | asyncio.Future[Any]") -> None:
        """Skip nothing until a job of a thread is done."""
        with self._lock:
            self.jobs += 1

        def done(_: object) -> None:
            with self._lock:
                self.jobs -= 1

        job.add_done_callback(done)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.skipped += TURN
        if timeout is None or timeout <= 0 or self.jobs:
            return super().select(timeout)
        ready = super().select(min(timeout, GRACE))
        if not ready and not self.jobs:
            self.skipped += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Loop whose clock starts at the machine's boot time."""

    def __init__(self) -> None:
        self._virtual = Selector()
        boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._began = Instant(wall=Seconds(time.time()), boot=Seconds(boot))
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._began.boot + self._virtual.skipped

    def clock(self) -> Instant:
        """Return the virtual time of both clocks, for the server's side."""
        skipped = self._virtual.skipped
        return Instant(
            wall=Seconds(self._began.wall + skipped), boot=Seconds(self._began.boot + skipped)
        )

    def stall(self, seconds: float) -> None:
        """Advance the time as if the loop had been busy."""
        self._virtual.skipped += seconds

    def run_in_executor(  # type: ignore[override]  # typeshed's own uses TypeVarTuples
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Stop the time until the loop itself has the result of the thread."""
        result: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._virtual.hold(result)
        return result

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Join the executor's threads without a timeout, which would pass at once."""
        del timeout
        await super().shutdown_default_executor()

    def run_forever(self) -> None:
        """Run; jobs that other code submits to a thread pool stop the time too."""
        submit, hold = ThreadPoolExecutor.submit, self._virtual.hold

        def submit_and_hold(self: ThreadPoolExecutor, *of: Any, **more: Any) -> "Future[Any]":
            job = submit(self, *of, **more)
            hold(job)
            return job

        ThreadPoolExecutor.submit = submit_and_hold  # type: ignore[method-assign,assignment]
        try:
            super().run_forever()
        finally:
            ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]


def run_in_virtual_time(main: Callable[[VirtualTimeLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main` on a new loop."""
    loop = VirtualTimeLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop))
