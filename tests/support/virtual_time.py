"""An event loop whose time passes at once while nothing is going on, and else stands still.

Whoever waits on it, waits for nothing: 20 minutes of a session take as long as what happens in
them, and what a busy machine takes for it is no time either. Everything must be on the one loop,
both ends of a socket too; a thread's job holds time up.
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

SETTLES = 0.0005
"""Seconds that a thread's answer, or a socket's other end, may be on its way."""

TURN = 1e-6
"""Seconds that a turn of the loop takes; with none, what is due in less would never be."""


class Selector(selectors.DefaultSelector):
    """Waits for what is ready, and lets time pass where nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        self.jobs = 0
        self._guard = threading.Lock()

    def hold(self, job: "Future[Any] | asyncio.Future[Any]") -> None:
        """Skip nothing until a thread's job is done."""
        with self._guard:
            self.jobs += 1

        def done(_: object) -> None:
            with self._guard:
                self.jobs -= 1

        job.add_done_callback(done)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.skipped += TURN
        if timeout is None or timeout <= 0 or self.jobs:
            return super().select(timeout)
        ready = super().select(min(timeout, SETTLES))
        if not ready and not self.jobs:
            self.skipped += timeout
        return ready


class WarpedLoop(asyncio.SelectorEventLoop):
    """The loop; its clock goes on from the machine's."""

    def __init__(self) -> None:
        self._selector_of_ours = Selector()
        boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._began = Instant(wall=Seconds(time.time()), boot=Seconds(boot))
        super().__init__(self._selector_of_ours)

    def time(self) -> float:
        return self._began.boot + self._selector_of_ours.skipped

    def clock(self) -> Instant:
        """Both clocks, warped alike; for the server's side."""
        skipped = self._selector_of_ours.skipped
        return Instant(
            wall=Seconds(self._began.wall + skipped), boot=Seconds(self._began.boot + skipped)
        )

    def stall(self, seconds: float) -> None:
        """Have been busy for so long."""
        self._selector_of_ours.skipped += seconds

    def run_in_executor(  # type: ignore[override]  # typeshed's own is made of TypeVarTuples
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Let no time pass until the loop itself has the answer, after the thread has made it."""
        answer: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._selector_of_ours.hold(answer)
        return answer

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Join the executor's threads without a timeout, which would pass at once."""
        del timeout
        await super().shutdown_default_executor()

    def run_forever(self) -> None:
        """Run, and let no time pass while a thread of a pool is at work."""
        submit = ThreadPoolExecutor.submit

        def held(self: ThreadPoolExecutor, *of: Any, **more: Any) -> "Future[Any]":
            job = submit(self, *of, **more)
            hold(job)
            return job

        hold = self._selector_of_ours.hold
        ThreadPoolExecutor.submit = held  # type: ignore[method-assign,assignment]
        try:
            super().run_forever()
        finally:
            ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]


def run_warped(main: Callable[[WarpedLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main` on a loop of its own."""
    loop = WarpedLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop))
