"""Used memory.

Source: /proc/meminfo, proc_meminfo(5). Used memory is MemTotal - MemAvailable, so memory
that the kernel can reclaim does not count.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from deskwire.devices.device import Roots, poll
from deskwire.devices.kernel.kernel_file import KernelFile
from deskwire.devices.ticker import Ticker
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Memory
from deskwire.model.units import Bytes

TOTAL = re.compile(rb"^MemTotal: *([0-9]{1,18}) kB$", re.MULTILINE)
AVAILABLE = re.compile(rb"^MemAvailable: *([0-9]{1,18}) kB$", re.MULTILINE)


class MemoryDevice:
    """The machine's memory."""

    absent = "no memory"

    def __init__(self, roots: Roots, ticker: Ticker) -> None:
        self._path = roots.proc / "meminfo"
        self._ticker = ticker

    @property
    def via(self) -> str:
        """Path of the file."""
        return str(self._path)

    async def watch(self) -> AsyncGenerator[Memory | None, None]:
        """Yield the used amount now and at each interval."""
        with KernelFile(self._path) as meminfo:
            async with aclosing(poll(lambda: parse_meminfo(meminfo.read()), self._ticker)) as all_:
                async for reading in all_:
                    yield reading


def parse_meminfo(text: bytes) -> Memory:
    """Parse the used memory. Raises `DeviceUnavailable` if a line is missing."""
    total, available = TOTAL.search(text), AVAILABLE.search(text)
    if total is None or available is None:
        raise DeviceUnavailable("meminfo lacks MemTotal or MemAvailable")
    return Memory(used=Bytes(max(int(total[1]) - int(available[1]), 0) * 1024))
