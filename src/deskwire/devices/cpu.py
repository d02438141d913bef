"""CPU usage.

Source: the first line of /proc/stat, proc_stat(5): clock ticks since boot, all processors together.
Idle and iowait are idle time; everything else is busy time. Guest time is part of user and is not
counted again. Steal counts as busy, because this machine wanted that time.

Each column is checked. iowait and steal may decrease a little, which counts as no growth. If
another column decreases, or all together grow by more ticks than the processors have in that time,
the interval is ignored: processors that go offline take their idle time with them, and bring it
back.
"""

import asyncio
import os
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


IDLE, IOWAIT, STEAL = 3, 4, 7
"""Columns; those before, between and after them are busy time."""
COLUMNS = 8
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
LONGEST_GAP = Seconds(10.0)
"""Longest time that a percentage stays without a valid interval."""


class Times(NamedTuple):
    """Clock ticks since boot, by column."""

    ticks: tuple[int, ...]
    processors: int = 1

    @property
    def busy(self) -> int:
        """Ticks of busy time."""
        return sum(self.ticks) - self.idle

    @property
    def idle(self) -> int:
        """Ticks of idle time."""
        return self.ticks[IDLE] + self.ticks[IOWAIT]


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
        self._measured = now
        """End of the last valid interval."""

    def take(self, times: Times, now: Seconds) -> Percent:
        """Return the usage of the interval that ends now.

        An interval that is too short or has no ticks continues, and an invalid one restarts; the
        last percentage then stays for at most 10 s. Raises `DeviceUnavailable` without one.
        """
        fresh = now - self._measured <= LONGEST_GAP
        stands_still = fresh and times.ticks == self._times.ticks
        if self._busy is None or (now - self._since >= SHORTEST and not stands_still):
            busy = busy_percent(self._times, times, Seconds(now - self._since))
            self._times, self._since = times, now
            if busy is not None:
                self._busy, self._measured = busy, now
        if self._busy is None or now - self._measured > LONGEST_GAP:
            raise DeviceUnavailable("the processors' counters decreased, or grew too fast")
        return self._busy


def busy_percent(before: Times, after: Times, passed: Seconds) -> Percent | None:
    """Return the busy share of the ticks between, 0 to 100; `None` if these are impossible.

    Ticks that do not grow at all mean 0, because a captured machine stands still.
    """
    growth = [now - then for then, now in zip(before.ticks, after.ticks, strict=True)]
    for column in (IOWAIT, STEAL):
        growth[column] = max(growth[column], 0)
    total = sum(growth)
    if min(growth) < 0 or total > most_ticks(passed, max(before.processors, after.processors)):
        return None
    if total == 0:
        return Percent(0.0)
    busy = (total - growth[IDLE] - growth[IOWAIT]) / total
    return Percent(100.0 * min(busy, 1.0))  # a rounding error may exceed 1


def most_ticks(passed: Seconds, processors: int) -> float:
    """Return the most ticks that all columns may grow by; doubled for a late reading."""
    return (2 * passed * processors + 1) * TICKS_PER_SECOND


def parse_stat(text: bytes) -> Times:
    """Parse the ticks of the whole machine. Raises `DeviceUnavailable` for malformed text."""
    label, *columns = text.partition(b"\n")[0].split()[: COLUMNS + 1] or [b""]
    if label != b"cpu" or len(columns) <= IDLE or not all(map(is_count, columns)):
        raise DeviceUnavailable("stat does not start with the processors' times")
    ticks = [int(column) for column in columns]
    if not any(ticks):
        raise DeviceUnavailable("stat counts no time of the processors")
    processors = max(text.count(b"\ncpu"), os.cpu_count() or 1)
    return Times((*ticks, *[0] * (COLUMNS - len(ticks))), processors)


def is_count(column: bytes) -> bool:
    """Return whether a column is a number of at most 64 bits."""
    return column.isdigit() and len(column) <= 20
