"""Thread pool for reading pictures that tolerates file systems that hang.

A thread that waits for a dead file system cannot be cancelled. After `SLOW` such a read no
longer counts against the limit of parallel reads, so another one starts. Further reads from the
same mount or host then wait without a thread. A hanging directory thus costs one or two threads,
and delays other pictures by at most `SLOW`.

The event loop decides which read starts; threads only read. Threads exist only while there is work,
and they are daemon threads, so they do not delay the exit.

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

PARALLEL_READS = 2
MOST_THREADS = 16
SLOW = Seconds(0.1)
MOUNTS = Path("/proc/self/mountinfo")


class Job(Generic[T]):
    """One read, and the callback for its result."""

    def __init__(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        *,
        path: bytes | None = None,
        host: str | None = None,
    ) -> None:
        self.work = work
        """Function that reads, called in a thread; must not raise."""
        self.done = done
        """Callback for the result, on the event loop; not called for a cancelled job."""
        self.path = path
        """Path of the file, if the job reads one."""
        self.host = host
        """Host name, if the job asks one."""
        self.cancelled = False
        self.mounts = b""
        """Table of mounts at the start of the read."""

    def cancel(self) -> None:
        """Cancel the job: no callback, and no read if it has not started."""
        self.cancelled = True

    def shares_place_with(self, other: "Job[T]") -> bool:
        """Return whether both jobs read from the same mount or host."""
        if self.path is not None and other.path is not None:
            at = mount_point(other.path, other.mounts)
            return bool(at) and mount_point(self.path, other.mounts) == at
        return self.host is not None and self.host == other.host


class PicturePool(Generic[T]):
    """Running reads and the queue of waiting ones."""

    def __init__(self) -> None:
        self._waiting: deque[Job[T]] = deque()
        self._since: dict[Job[T], float] = {}
        self._recheck_timer: asyncio.TimerHandle | None = None

    def submit(self, job: Job[T]) -> None:
        """Queue a read."""
        self._waiting.append(job)
        self._start_jobs()

    def _start_jobs(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        stuck = [job for job, since in self._since.items() if now - since >= SLOW]
        timely = len(self._since) - len(stuck)
        postponed: deque[Job[T]] = deque()
        while self._waiting and timely < PARALLEL_READS and len(self._since) < MOST_THREADS:
            job = self._waiting.popleft()
            if job.cancelled:
                continue
            if any(job.shares_place_with(other) for other in stuck):
                postponed.append(job)
                continue
            self._since[job] = now
            timely += 1
            threading.Thread(
                target=self._read, args=(job, loop), name="deskwire-art", daemon=True
            ).start()
        postponed.extend(job for job in self._waiting if not job.cancelled)
        self._waiting = postponed
        if self._waiting and timely and self._recheck_timer is None:
            self._recheck_timer = loop.call_later(SLOW, self._recheck)

    def _recheck(self) -> None:
        self._recheck_timer = None
        self._start_jobs()

    def _read(self, job: Job[T], loop: asyncio.AbstractEventLoop) -> None:
        try:
            if job.path is not None:
                with suppress(OSError):  # without /proc the mount is unknown
                    job.mounts = MOUNTS.read_bytes()
            found = job.work()
        finally:
            with suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(self._on_read, job)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._report, job, found)

    def _on_read(self, job: Job[T]) -> None:
        del self._since[job]
        self._start_jobs()

    @staticmethod
    def _report(job: Job[T], found: T) -> None:
        if not job.cancelled:
            job.done(found)


def mount_point(path: bytes, mounts: bytes) -> bytes:
    """Return the mount point of an absolute path; `b""` if unknown."""
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
    """Decode the kernel's octal escapes of spaces, tabs, newlines and backslashes."""
    if b"\\" not in field:
        return field
    for escaped, character in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n")):
        field = field.replace(escaped, character)
    return field.replace(b"\\134", b"\\")
