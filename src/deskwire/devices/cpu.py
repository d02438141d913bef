"""How busy the processors are.

Source: the first line of /proc/stat, proc_stat(5): clock ticks since boot, all processors
together. Busy is everything but idle and iowait (a processor that waits for a disk is free). Guest
time is inside user and is not counted twice. Steal is busy: it was wanted here and not to be had.
The kernel warns that iowait may go backwards, and processors that go offline in a suspend take
idle time with them, so an interval whose ticks went backwards says nothing and is passed over.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple

from deskwire.devices.device import Roots, poll
from deskwire.devices.kernel.kernel_file import KernelFile
from deskwire.devices.ticker import Ticker
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Cpu
from deskwire.model.units import Percent, Seconds

FIRST = Seconds(0.2)
SHORTEST = Seconds(0.15)
"""Ticks come a hundred a second: over less than this a percentage is mostly rounding."""


class Times(NamedTuple):
    """Clock ticks since boot."""

    busy: int
    idle: int


class CpuDevice:
    """The processors of the whole machine."""

    absent = "no processor"

    def __init__(self, roots: Roots, ticker: Ticker) -> None:
        self._path = roots.proc / "stat"
        self._ticker = ticker

    @property
    def via(self) -> str:
        """The file."""
        return str(self._path)

    async def watch(self) -> AsyncGenerator[Cpu | None, None]:
        """Yield how busy they were over 0.2 s, then over each interval."""
        clock = asyncio.get_running_loop().time
        with KernelFile(self._path) as stat:
            meter = Meter(parse_stat(stat.read()), Seconds(clock()))
            await asyncio.sleep(FIRST)

            def read() -> Cpu:
                return Cpu(busy=meter.take(parse_stat(stat.read()), Seconds(clock())))

            async with aclosing(poll(read, self._ticker)) as readings:
                async for reading in readings:
                    yield reading


class Meter:
    """Turns counters into percentages, one interval after the other."""

    def __init__(self, times: Times, now: Seconds) -> None:
        self._times = times
        self._since = now
        self._busy: Percent | None = None

    def take(self, times: Times, now: Seconds) -> Percent:
        """Return how busy the interval that ends now was.

        An interval that is too short goes on and one that says nothing begins anew; the last
        percentage then stands. Raises `DeviceUnavailable` while there is none.
        """
        if self._busy is None or now - self._since >= SHORTEST:
            busy = busy_percent(self._times, times)
            self._times, self._since = times, now
            if busy is not None:
                self._busy = busy
        if self._busy is None:
            raise DeviceUnavailable("the processors' counters went backwards")
        return self._busy


def busy_percent(before: Times, after: Times) -> Percent | None:
    """Return the busy part of the ticks between, 0 to 100; `None` if they went backwards."""
    busy = after.busy - before.busy
    total = busy + after.idle - before.idle
    if busy == total == 0:
        return Percent(0.0)
    if busy < 0 or total <= 0:
        return None
    return Percent(min(100.0 * busy / total, 100.0))


def parse_stat(text: bytes) -> Times:
    """Return the whole machine's ticks. Raises `DeviceUnavailable` for anything else."""
    label, *columns = text.partition(b"\n")[0].split()[:9] or [b""]
    try:
        ticks = [int(column) for column in columns]
        idle = ticks[3] + (ticks[4] if len(ticks) > 4 else 0)
    except (ValueError, IndexError):
        label = b""
        ticks, idle = [], 0
    if label != b"cpu":
        raise DeviceUnavailable("stat does not begin with the processors' times")
    return Times(busy=sum(ticks) - idle, idle=idle)
