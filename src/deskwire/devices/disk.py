"""Used space of one mount.

Source: statvfs(3): (f_blocks - f_bfree) * f_frsize, what df(1) calls used. A mount whose
server is gone can block statvfs for ever, so a separate daemon thread calls it, and no second
thread starts while it blocks. If `/` is known never to block, the event loop calls statvfs instead,
at a tenth of the cost.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from deskwire.devices.device import Device, Resources
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Disk
from deskwire.model.topics import Topic
from deskwire.model.units import Bytes, Seconds

ROOT = Path("/")
NON_BLOCKING_TYPES = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "ramfs", "tmpfs"})
"""File system types whose statvfs only reads memory.

xfs is missing because some of its versions finish other work first, overlay because it calls
others."""

_SELF = Path("/proc/self")


def root_never_blocks() -> bool:
    """Return whether statvfs of `/` never blocks. This function itself may block."""
    root = os.open(ROOT, os.O_PATH)
    try:
        number = parse_mount_number((_SELF / "fdinfo" / str(root)).read_bytes())
        return parse_type(number, (_SELF / "mountinfo").read_bytes()) in NON_BLOCKING_TYPES
    except OSError:
        return False
    finally:
        os.close(root)


def parse_mount_number(fdinfo: bytes) -> bytes:
    """Return the mount number of a descriptor; `b""` if it is missing."""
    fields = (line.partition(b":") for line in fdinfo.splitlines())
    return next((value.strip() for name, _, value in fields if name == b"mnt_id"), b"")


def parse_type(number: bytes, mountinfo: bytes) -> str:
    """Return the file system type of a mount; `""` if there is no such mount."""
    for line in mountinfo.splitlines():
        mount, _, rest = line.partition(b" - ")
        if mount.split(b" ", 1)[0] == number:
            return rest.split(b" ", 1)[0].decode(errors="replace")
    return ""


FIRST_TIMEOUT = Seconds(0.2)
"""Timeout of the first call. The watch after a failed one waits longer: it may only be slow."""
TIMEOUT = Seconds(1.0)

Answer = asyncio.Future[os.statvfs_result]


class DiskDevice(Device[Disk]):
    """The file system that contains one path."""

    topic = Topic("disk", Disk, absent="no disk", periodic=True)

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self._mount = resources.disk
        self._statvfs: StatvfsThread | None = None
        self._failed = False
        """Whether the last watch ended before its first reading."""
        self.via = f"statvfs of {self._mount}"

    async def watch(self) -> AsyncGenerator[Disk | None, None]:
        """Yield the used space now and at each interval."""
        if self._statvfs is not None and self._statvfs.pending:
            raise DeviceUnavailable(f"{self._mount} still does not answer", REMEDY)
        statvfs = self._statvfs = StatvfsThread(self._mount)
        timeout, last = TIMEOUT if self._failed else FIRST_TIMEOUT, None
        self._failed = True
        try:
            while True:
                reading = used_space(await statvfs.ask(timeout))
                self._failed = False
                if reading != last:
                    last = reading
                    yield reading
                timeout = TIMEOUT
                await self.pace.tick(self.interval)
        finally:
            statvfs.end()


REMEDY = "check the mount's server, or set stats.disk to another mount"


class StatvfsThread:
    """Thread that calls statvfs for one mount, one call at a time."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        self._waiting: SimpleQueue[Answer | None] = SimpleQueue()
        self._never_blocks = False
        """Whether the mount is known never to block; the thread has then ended."""
        self.pending = False
        """Whether a call is running."""
        Thread(target=self._answer, name="deskwire-disk", daemon=True).start()

    async def ask(self, timeout: Seconds) -> os.statvfs_result:
        """Return the result of statvfs; raises `DeviceUnavailable`."""
        try:
            if self._never_blocks:
                return os.statvfs(self._mount)
            async with asyncio.timeout(timeout):
                return await self._submit()
        except TimeoutError:
            raise DeviceUnavailable(f"{self._mount} does not answer", REMEDY) from None
        except OSError as problem:
            raise DeviceUnavailable(f"{self._mount}: {problem.strerror}", REMEDY) from None

    def _submit(self) -> Answer:
        answer: Answer = asyncio.get_running_loop().create_future()
        self.pending = True
        self._waiting.put(answer)
        return answer

    def end(self) -> None:
        """End the thread after its current call."""
        self._waiting.put(None)

    def _answer(self) -> None:
        while not self._never_blocks and (answer := self._waiting.get()) is not None:
            result: os.statvfs_result | OSError
            try:
                result = os.statvfs(self._mount)
                self._never_blocks = self._mount == ROOT and root_never_blocks()
            except OSError as problem:
                result = problem
            self.pending = False
            with suppress(RuntimeError):  # the loop was closed meanwhile
                answer.get_loop().call_soon_threadsafe(set_result, answer, result)


def set_result(answer: Answer, result: os.statvfs_result | OSError) -> None:
    """Set the result of a future, unless it was cancelled."""
    if answer.done():
        return
    if isinstance(result, OSError):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def used_space(found: os.statvfs_result) -> Disk:
    """Return the used space; negative if the file system reports more free blocks than blocks."""
    return Disk(used=Bytes((found.f_blocks - found.f_bfree) * (found.f_frsize or found.f_bsize)))
