"""CPU usage.

Source: the first line of /proc/stat, proc_stat(5): clock ticks since boot, all processors together.
Idle and iowait are idle time; everything else is busy time. Guest time is part of user and is not
counted again. Steal counts as busy, because this machine wanted that time. iowait may decrease, and
processors that go offline in a suspend take their idle time with them, so an interval in which
ticks decreased is ignored.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple

from deskwire.devices.device import Device, Resources
from deskwire.devices.kernel.kernel_file import KernelFile
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Cpu
from deskwire.model.topics import Topic
from deskwire.model.units import Percent, Seconds

FIRST = Seconds(0.2)
SHORTEST = Seconds(0.15)
"""Shortest interval; there are 100 ticks a second, so a shorter one is mostly rounding error."""


class Times(NamedTuple):
    """Clock ticks since boot, busy and idle."""

    busy: int
    idle: int


class CpuDevice(Device[Cpu]):
    """The processors of the whole machine."""

    topic = Topic("cpu", Cpu, absent="no processor", periodic=True)

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self._path = resources.roots.proc / "stat"
        self.via = str(self._path)

    async def watch(self) -> AsyncGenerator[Cpu | None, None]:
        """Yield the usage over 0.2 s, then over each interval."""
        clock = asyncio.get_running_loop().time
        with KernelFile(self._path) as stat:
            meter = UsageMeter(parse_stat(stat.read()), Seconds(clock()))
            await asyncio.sleep(FIRST)

            def read() -> Cpu:
                return Cpu(busy=meter.take(parse_stat(stat.read()), Seconds(clock())))

            async with aclosing(self.poll(read)) as readings:
                async for reading in readings:
                    yield reading


class UsageMeter:
    """Converts tick counters into percentages, interval by interval."""

    def __init__(self, times: Times, now: Seconds) -> None:
        self._times = times
        self._since = now
        self._busy: Percent | None = None

    def take(self, times: Times, now: Seconds) -> Percent:
        """Return the usage of the interval that ends now.

        An interval that is too short continues, and an invalid one restarts; the last percentage
        then stays. Raises `DeviceUnavailable` until there is a percentage.
        """
        if self._busy is None or now - self._since >= SHORTEST:
            busy = busy_percent(self._times, times)
            self._times, self._since = times, now
            if busy is not None:
                self._busy = busy
        if self._busy is None:
            raise DeviceUnavailable("the processors' counters decreased")
        return self._busy


def busy_percent(before: Times, after: Times) -> Percent | None:
    """Return the busy share of the ticks between, 0 to 100; `None` if they decreased."""
    busy = after.busy - before.busy
    total = busy + after.idle - before.idle
    if busy == total == 0:
        return Percent(0.0)
    if busy < 0 or total <= 0:
        return None
    return Percent(min(100.0 * busy / total, 100.0))


def parse_stat(text: bytes) -> Times:
    """Parse the ticks of the whole machine. Raises `DeviceUnavailable` for malformed text."""
    label, *columns = text.partition(b"\n")[0].split()[:9] or [b""]
    try:
        ticks = [int(column) for column in columns]
        idle = ticks[3] + (ticks[4] if len(ticks) > 4 else 0)
    except (ValueError, IndexError):
        label = b""
        ticks, idle = [], 0
    if label != b"cpu":
        raise DeviceUnavailable("stat does not start with the processors' times")
    return Times(busy=sum(ticks) - idle, idle=idle)
