"""A device's watch in a process of its own: for what must run under a preload.

The child (this file, run as a program) prints what it reads, one JSON line a reading.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import aclosing
from queue import Empty, Queue
from threading import Thread
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from deskwire.devices import backlight
from deskwire.devices.backlight import BacklightDevice
from deskwire.devices.battery import BatteryDevice
from deskwire.devices.dbus.buses import Buses
from deskwire.model.units import Seconds
from tests.support.resources import resources
from tests.support.time_scaling import patiently


class Seen(NamedTuple):
    """One reading of the child's."""

    reading: dict[str, object] | None
    via: str


class Watched:
    """The watch of `backlight` or `battery` in a child with this environment.

    `looks` is whether the brightness is looked at once a second, as usual, or only when told of.
    """

    def __init__(
        self, device: str, env: Mapping[str, str], *, system_bus: str = "", looks: bool = True
    ) -> None:
        words = [device, system_bus, "looks" if looks else ""]
        self._command = [sys.executable, "-m", "tests.support.watched", *words]
        self._env = {**env, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._lines: Queue[str] = Queue()

    def upcoming(self, *, within: float = 5.0) -> Seen:
        """Return the next reading; raises `AssertionError` when there is none in time."""
        try:
            line = self._lines.get(timeout=patiently(within))
        except Empty:
            raise AssertionError(f"no reading within {patiently(within):g} s") from None
        assert line, "the watch ended"
        return Seen(*json.loads(line))

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            self._command, env=self._env, stdout=subprocess.PIPE, text=True
        )
        self._reader = Thread(target=self._read)
        self._reader.start()
        return self

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._lines.put(line)
        self._lines.put("")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.terminate()
        self._child.wait(patiently(5))
        self._reader.join(patiently(5))
        assert self._child.stdout is not None
        self._child.stdout.close()


async def watch(device: str, system_bus: str, looks: str) -> None:
    """Print one device's readings for ever."""
    if not looks:
        backlight.EVERY = Seconds(86400.0)
    source: BacklightDevice | BatteryDevice
    if device == "backlight":
        source = BacklightDevice(resources())
    else:
        source = BatteryDevice(resources(buses=Buses(session=None, system=system_bus or None)))
    async with aclosing(source.watch()) as readings:
        async for reading in readings:
            print(msgspec.json.encode((reading, source.via)).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(watch(*sys.argv[1:]))
