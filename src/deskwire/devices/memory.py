"""Used memory.

Source: /proc/meminfo, proc_meminfo(5). Used memory is MemTotal - MemAvailable, so memory
that the kernel can reclaim does not count. In some containers MemAvailable is that of the host and
not below MemTotal. Then MemFree takes its place, as in procps.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from deskwire.devices.device import Device, Resources
from deskwire.devices.kernel.kernel_file import KernelFile
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Memory
from deskwire.model.topics import Topic
from deskwire.model.units import Bytes

TOTAL = re.compile(rb"^MemTotal: *([0-9]{1,18}) kB$", re.MULTILINE)
FREE = re.compile(rb"^MemFree: *([0-9]{1,18}) kB$", re.MULTILINE)
AVAILABLE = re.compile(rb"^MemAvailable: *([0-9]{1,18}) kB$", re.MULTILINE)


class MemoryDevice(Device[Memory]):
    """The machine's memory."""

    topic = Topic("memory", Memory, absent="no memory", periodic=True)

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self._path = resources.roots.proc / "meminfo"
        self.via = str(self._path)

    async def watch(self) -> AsyncGenerator[Memory | None, None]:
        """Yield the used amount now and at each interval."""
        with KernelFile(self._path) as meminfo:
            async with aclosing(self.poll(lambda: parse_meminfo(meminfo.read()))) as all_:
                async for reading in all_:
                    yield reading


def parse_meminfo(text: bytes) -> Memory:
    """Parse the used memory.

    Raises `DeviceUnavailable` if a line is missing or the numbers contradict each other.
    """
    total, available = TOTAL.search(text), AVAILABLE.search(text)
    if total is None or available is None:
        raise DeviceUnavailable("meminfo lacks MemTotal or MemAvailable")
    for rest in (available, FREE.search(text)):
        if rest is not None and int(rest[1]) < int(total[1]):
            return Memory(used=Bytes((int(total[1]) - int(rest[1])) * 1024))
    raise DeviceUnavailable("meminfo reports more available memory than there is")
