"""Devices under test: their resources, captured machines, and their readings with deadlines.

Run as a program, this module prints the readings of one device, one JSON line each. `WatchProcess`
uses that for a device that must run under a preload.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, NamedTuple, Self, TypeVar

import msgspec

from deskwire.art.artwork import Artwork
from deskwire.devices import backlight
from deskwire.devices.backlight import BacklightDevice
from deskwire.devices.battery import BatteryDevice
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.device import Device, Resources
from deskwire.devices.kernel.kernel_file import Roots
from deskwire.devices.players import PlayersDevice
from deskwire.devices.sound.address import SoundServers
from deskwire.devices.ticker import Ticker
from deskwire.devices.wifi import WifiDevice
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Player
from deskwire.model.units import Seconds
from tests.support.time_scaling import patiently

R = TypeVar("R")

CAPTURED = Path(__file__).parents[1] / "captured"
"""Copies of `/proc` and `/sys` of real machines."""
DEVICES: dict[str, type[BacklightDevice | BatteryDevice | WifiDevice]] = {
    "backlight": BacklightDevice,
    "battery": BatteryDevice,
    "wifi": WifiDevice,
}


def resources(**given: Any) -> Resources:
    """Return these resources; the kernel's are the machine's own, the others are absent."""
    absent: dict[str, Any] = {
        "roots": Roots(),
        "interval": Seconds(1.0),
        "disk": Path("/"),
        "buses": Buses(session=None, system=None),
        "sound": SoundServers(""),
        "artwork": Artwork(Path("/nonexistent")),
        "ticker": Ticker(),
    }
    return Resources(**(absent | given))


def captured(machine: str) -> Roots:
    """Return the roots of a captured machine, to be read only."""
    folder = CAPTURED / machine
    return Roots(proc=folder / "proc", sys=folder / "sys")


def copied(machine: str, to: Path) -> Roots:
    """Copy a captured machine into `to`; return its roots, which a test may change."""
    shutil.copytree(CAPTURED / machine, to / machine, symlinks=True)
    return Roots(proc=to / machine / "proc", sys=to / machine / "sys")


async def retried_watch(
    device: Device[R], *, within: float = 5.0
) -> AsyncGenerator[R | None, None]:
    """Watch a device; retry until it has a first reading, which a busy machine may delay."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patiently(within)
    while True:
        async with aclosing(device.watch()) as readings:
            try:
                yield await anext(readings)
            except DeviceUnavailable:
                if loop.time() > deadline:
                    raise
                await asyncio.sleep(0.05)
                continue
            async for reading in readings:
                yield reading
            return


async def next_reading(readings: AsyncGenerator[R, None], *, within: float = 3.0) -> R:
    """Return the next reading; raises `TimeoutError`."""
    async with asyncio.timeout(patiently(within)):
        return await anext(readings)


async def two_readings(readings: AsyncGenerator[R, None]) -> tuple[R, R, float]:
    """Return the next two readings, and the loop's seconds until the first one."""
    clock = asyncio.get_running_loop().time
    began = clock()
    first = await next_reading(readings)
    took = clock() - began
    return first, await next_reading(readings), took


async def wait_for_reading(
    readings: AsyncGenerator[R, None], wanted: R, *, within: float = 3.0
) -> list[R]:
    """Read until the reading is `wanted`; return all readings, that one included."""
    seen: list[R] = []
    try:
        async with asyncio.timeout(patiently(within)):
            async for reading in readings:
                seen.append(reading)
                if reading == wanted:
                    return seen
    except TimeoutError:
        pass
    raise AssertionError(f"not within {patiently(within):g} s: {wanted}; readings were {seen}")


Players = tuple[Player, ...]


def titles(players: Players) -> list[str]:
    return [player.title for player in players]


def titled(title: str) -> Callable[[Player], bool]:
    return lambda player: player.title == title


def at(player: Player) -> float:
    """Return the position in seconds, or -1."""
    return player.position.at if player.position else -1.0


def rate(player: Player) -> float:
    """Return the playback rate, or -1."""
    return player.position.rate if player.position else -1.0


class PlayerWatch:
    """Watch of the players device; entering waits for the first reading."""

    def __init__(self, device: PlayersDevice) -> None:
        self.readings: list[Players] = []
        self.problem: Exception | None = None
        """The exception that ended the watch."""
        self._device = device
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def now(self) -> Players:
        """The newest reading."""
        return self.readings[-1]

    async def wait_for(
        self, wanted: Callable[[Players], object], *, within: float = 3.0
    ) -> Players:
        """Return the newest reading once it meets a condition."""
        try:
            async with asyncio.timeout(patiently(within)):
                while not wanted(self.now):
                    await self._next()
        except TimeoutError:
            message = f"not within {patiently(within):g} s; readings: {self.readings}"
            raise AssertionError(message) from None
        return self.now

    async def player(
        self, wanted: Callable[[Player], object] = lambda _: True, *, within: float = 3.0
    ) -> Player:
        """Return the only player once it meets a condition."""
        (player,) = await self.wait_for(
            lambda players: len(players) == 1 and wanted(players[0]), within=within
        )
        return player

    async def end(self) -> Exception:
        """Wait until the watch ends by itself; return its exception."""
        assert self._task is not None
        async with asyncio.timeout(patiently(3.0)):
            await self._task
        assert self.problem is not None
        return self.problem

    async def _next(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()
        if self.problem is not None:
            raise self.problem

    async def _watch(self) -> None:
        try:
            async with aclosing(self._device.watch()) as readings:
                async for reading in readings:
                    self.readings.append(reading)
                    self._arrived.set()
        except Exception as problem:  # noqa: BLE001 - the test checks it
            self.problem = problem
            self._arrived.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        async with asyncio.timeout(patiently(3.0)):
            await self._next()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])


class PrintedReading(NamedTuple):
    """A reading that the child printed, and the source it came from."""

    reading: dict[str, object] | None
    via: str


class WatchProcess:
    """Watch of a device of `DEVICES` in a child process.

    With `polls=False` the child reads the brightness only after a uevent, not each second.
    """

    def __init__(
        self, device: str, env: Mapping[str, str], *, system_bus: str = "", polls: bool = True
    ) -> None:
        words = [device, system_bus, "polls" if polls else ""]
        self._command = [sys.executable, "-m", "tests.support.devices", *words]
        self._env = {**env, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._lines: Queue[str] = Queue()

    def next_reading(self, *, within: float = 5.0) -> PrintedReading:
        """Return the next reading."""
        try:
            line = self._lines.get(timeout=patiently(within))
        except Empty:
            raise AssertionError(f"no reading within {patiently(within):g} s") from None
        assert line, "the watch ended"
        return PrintedReading(*json.loads(line))

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

    def __exit__(self, *_: object) -> None:
        self._child.terminate()
        self._child.wait(patiently(5))
        self._reader.join(patiently(5))
        assert self._child.stdout is not None
        self._child.stdout.close()


async def print_readings(name: str, system_bus: str = "", polls: str = "polls") -> None:
    """Print the readings of one device until the process is ended."""
    if not polls:
        backlight.EVERY = Seconds(86400.0)
    buses = Buses(session=None, system=system_bus or None)
    device = DEVICES[name](resources(buses=buses))
    async with aclosing(device.watch()) as readings:
        async for reading in readings:
            print(msgspec.json.encode((reading, device.via)).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(print_readings(*sys.argv[1:]))
