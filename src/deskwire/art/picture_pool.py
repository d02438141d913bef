"""Threads that read pictures, so that a folder that hangs holds up nobody.

A thread that waits for a dead file system cannot be called back. So a read that takes longer than
`SLOW` no longer counts: another thread takes its turn. And the place it hangs in, a mount or a
host, is left alone until it comes back: what else is to be read there waits without a thread. A
hanging folder thus costs a thread or two, not one a picture, and delays others by `SLOW` at most.

The threads only read; who reads when is decided on the event loop. There is no thread while there
is nothing to read, and none keeps the program from ending.

Source: proc_pid_mountinfo(5), which tells a file's mount without touching the file.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from deskwire.model.units import Seconds

T = TypeVar("T")

AT_ONCE = 2
AT_MOST = 16
SLOW = Seconds(0.1)
MOUNTS = Path("/proc/self/mountinfo")


class Job(Generic[T]):
    """One thing to read, and who is told of it."""

    def __init__(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        *,
        path: bytes | None = None,
        host: str | None = None,
    ) -> None:
        self.work = work
        """Reads, in a thread; must not raise."""
        self.done = done
        """Called with what was read, on the event loop, unless the job was cancelled."""
        self.path = path
        """The file it reads, if it reads one."""
        self.host = host
        """The host it asks, if it asks one."""
        self.cancelled = False
        self.mounts = b""
        """The mounts at the time of reading."""

    def cancel(self) -> None:
        """Have nobody told, and nothing read that is not being read."""
        self.cancelled = True

    def shares_place_with(self, other: "Job[T]") -> bool:
        """Whether what `other` waits for, this one would wait for as well."""
        if self.path is not None and other.path is not None:
            at = mount_point(other.path, other.mounts)
            return bool(at) and mount_point(self.path, other.mounts) == at
        return self.host is not None and self.host == other.host


class PicturePool(Generic[T]):
    """What is being read, and what waits for its turn."""

    def __init__(self) -> None:
        self._waiting: deque[Job[T]] = deque()
        self._since: dict[Job[T], float] = {}
        self._again: asyncio.TimerHandle | None = None

    def submit(self, job: Job[T]) -> None:
        """Have it read as soon as may be."""
        self._waiting.append(job)
        self._go_on()

    def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        stuck = [job for job, since in self._since.items() if now - since >= SLOW]
        timely = len(self._since) - len(stuck)
        put_by: deque[Job[T]] = deque()
        while self._waiting and timely < AT_ONCE and len(self._since) < AT_MOST:
            job = self._waiting.popleft()
            if job.cancelled:
                continue
            if any(job.shares_place_with(other) for other in stuck):
                put_by.append(job)
                continue
            self._since[job] = now
            timely += 1
            threading.Thread(
                target=self._read, args=(job, loop), name="deskwire-art", daemon=True
            ).start()
        put_by.extend(job for job in self._waiting if not job.cancelled)
        self._waiting = put_by
        if self._waiting and timely and self._again is None:
            self._again = loop.call_later(SLOW, self._look_again)

    def _look_again(self) -> None:
        self._again = None
        self._go_on()

    def _read(self, job: Job[T], loop: asyncio.AbstractEventLoop) -> None:
        try:
            if job.path is not None:
                with suppress(OSError):  # without /proc no place is known to hang
                    job.mounts = MOUNTS.read_bytes()
            found = job.work()
        finally:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._on_read, job)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._tell, job, found)

    def _on_read(self, job: Job[T]) -> None:
        del self._since[job]
        self._go_on()

    @staticmethod
    def _tell(job: Job[T], found: T) -> None:
        if not job.cancelled:
            job.done(found)


def mount_point(path: bytes, mounts: bytes) -> bytes:
    """Return where the file system is mounted that holds this absolute path; `b""` if unknown."""
    best = b""
    for line in mounts.splitlines():
        fields = line.split(b" ", 5)
        if len(fields) < 5:
            continue
        point = unescape(fields[4])
        if len(point) >= len(best) and (path + b"/").startswith(point.rstrip(b"/") + b"/"):
            best = point
    return best


def unescape(field: bytes) -> bytes:
    """Undo the kernel's octal escapes of spaces, tabs, line ends and backslashes."""
    if b"\\" not in field:
        return field
    for escaped, character in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n")):
        field = field.replace(escaped, character)
    return field.replace(b"\\134", b"\\")
