"""Space in use on one mount.

Source: statvfs(3): (f_blocks - f_bfree) * f_frsize, what df(1) calls used. A mount whose server is
gone can hold statvfs for ever, so it is asked in a thread of its own, and while that thread is
held no other is started. The thread is a daemon thread, so that it does not hold the exit either.
A root that is known to answer at once is asked on the event loop from then on, for a tenth of it.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from deskwire.devices.kernel.mounts import ROOT, root_answers_at_once
from deskwire.devices.ticker import Ticker
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Disk
from deskwire.model.units import Bytes, Seconds

FIRST_TIMEOUT = Seconds(0.2)
TIMEOUT = Seconds(1.0)

Answer = asyncio.Future[os.statvfs_result]


class DiskDevice:
    """The file system that is mounted at, or holds, one path."""

    absent = "no disk"

    def __init__(self, mount: Path, ticker: Ticker) -> None:
        self._mount = mount
        self._ticker = ticker
        self._asked: Questions | None = None

    @property
    def via(self) -> str:
        """The call and the mount."""
        return f"statvfs of {self._mount}"

    async def watch(self) -> AsyncGenerator[Disk | None, None]:
        """Yield what is in use, now and at each interval."""
        if self._asked is not None and self._asked.pending:
            raise DeviceUnavailable(f"{self._mount} still does not answer", REMEDY)
        questions = self._asked = Questions(self._mount)
        timeout, last = FIRST_TIMEOUT, None
        try:
            while True:
                reading = used(await questions.ask(timeout))
                if reading != last:
                    last = reading
                    yield reading
                timeout = TIMEOUT
                await self._ticker.next()
        finally:
            questions.end()


REMEDY = "see whether the mount's server can be reached, or name another mount in stats.disk"


class Questions:
    """One thread that asks one mount, one question at a time, for as long as it takes a thread."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        self._waiting: SimpleQueue[Answer | None] = SimpleQueue()
        self._at_once = False
        """Whether the mount is known to keep nobody waiting; then there is no thread any more."""
        self.pending = False
        """Whether a question has been put that is not answered yet."""
        Thread(target=self._answer, name="deskwire-disk", daemon=True).start()

    async def ask(self, timeout: Seconds) -> os.statvfs_result:
        """Return what statvfs says, or raise `DeviceUnavailable`."""
        try:
            if self._at_once:
                return os.statvfs(self._mount)
            async with asyncio.timeout(timeout):
                return await self._put()
        except TimeoutError:
            raise DeviceUnavailable(f"{self._mount} does not answer", REMEDY) from None
        except OSError as problem:
            raise DeviceUnavailable(f"{self._mount}: {problem.strerror}", REMEDY) from None

    def _put(self) -> Answer:
        answer: Answer = asyncio.get_running_loop().create_future()
        self.pending = True
        self._waiting.put(answer)
        return answer

    def end(self) -> None:
        """Let the thread go, as soon as it can."""
        self._waiting.put(None)

    def _answer(self) -> None:
        while not self._at_once and (answer := self._waiting.get()) is not None:
            result: os.statvfs_result | OSError
            try:
                result = os.statvfs(self._mount)
                self._at_once = self._mount == ROOT and root_answers_at_once()
            except OSError as problem:
                result = problem
            self.pending = False
            with suppress(RuntimeError):  # the loop was closed meanwhile
                answer.get_loop().call_soon_threadsafe(settle, answer, result)


def settle(answer: Answer, result: os.statvfs_result | OSError) -> None:
    """Give the answer to whoever still waits for it."""
    if answer.done():
        return
    if isinstance(result, OSError):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def used(found: os.statvfs_result) -> Disk:
    """Return the space in use."""
    return Disk(used=Bytes((found.f_blocks - found.f_bfree) * found.f_frsize))
