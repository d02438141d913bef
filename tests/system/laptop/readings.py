"""Readings of a desk in the emulated laptop: the guest's programs, and their output on the host.

    readings.py                                 a daemon and a client that prints its changes
    readings.py wifi "iwd on the system bus"    the source of one device

Each change is one JSON line: {"at": seconds since boot, "battery": {…}, …}.
"""

import asyncio
import json
import signal
import sys
import time
from contextlib import aclosing, suppress
from typing import Any, Self

from deskwire.devices.dbus.buses import Buses
from tests.support.client import Client, Stats
from tests.support.devices import DEVICES, resources
from tests.support.programs import Daemon
from tests.support.waiting import until, until_async
from tests.system.laptop.machine import CHECKOUT, HERE, Laptop, quoted

AS_ANN = "setpriv --reuid=ann --regid=ann --init-groups env -i PATH=/usr/bin:/bin LANG=C.UTF-8"
SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"
PRINTED = ("wifi", "battery", "backlight")
CLEAN = "the log of the daemon is clean"


class Readings:
    """Readings of a daemon that runs as the user ann; entering waits for the first one."""

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop
        self._program = laptop.start("readings", f"cd {CHECKOUT} && exec {AS_ANN} {command()}")
        self._returned: dict[str, int] = {}

    def newest(self, device: str) -> Any:
        """Return the newest reading of a device, or `None`."""
        return self._readings(device)[-1]

    def changes(self, device: str, wanted: Any, *, within: float = 30.0) -> list[Any]:
        """Wait until a device's reading is `wanted`; return its changes since the last call."""
        what = f"{device} is {wanted!r}, after {self._readings(device)}"
        until(lambda: self.newest(device) == wanted, within=within, what=what)
        readings = self._readings(device)
        returned = self._returned.get(device, 0)
        self._returned[device] = len(readings)
        return readings[returned:]

    def source(self, device: str, wanted: str) -> str:
        """Return the source of a device, for the same user, after waiting for `wanted`."""
        line = f"cd {CHECKOUT} && {AS_ANN} {command()} {quoted(device, wanted)}"
        return self._laptop.run(line, within=60).strip()

    def _readings(self, device: str) -> list[Any]:
        """Return all readings of a device without repetitions."""
        readings: list[Any] = []
        for line in self._program.log.splitlines():
            if line.startswith("{"):
                reading = json.loads(line)[device]
                if not readings or readings[-1] != reading:
                    readings.append(reading)
        if not readings:
            raise LookupError("nothing printed yet")
        return readings

    def __enter__(self) -> Self:
        until(lambda: self._readings("battery"), within=180, what="a first reading")
        return self

    def __exit__(self, kind: object, problem: object, trace: object) -> None:
        self._program.__exit__(kind, problem, trace)
        if problem is None:
            what = f"the daemon ends cleanly\n{self._program.log[-3000:]}"
            until(lambda: CLEAN in self._program.log, within=20, what=what)


def command() -> str:
    """Return the command that runs this module in the checkout."""
    return f".venv/bin/python -m {'.'.join([*HERE.relative_to(CHECKOUT).parts, 'readings'])}"


async def print_changes(daemon: Daemon) -> None:
    """Print changes until cancelled."""
    async with Client(daemon) as client, client.watch() as socket:
        last: Stats = {}
        seen = 0
        while True:
            frame = await socket.frame(lambda each: each.event == "stats", within=30, since=seen)
            seen = socket.frames.index(frame, seen) + 1
            readings = {name: frame.stats.get(name) for name in PRINTED}
            if readings != last:
                last = readings
                at = round(time.clock_gettime(time.CLOCK_BOOTTIME), 3)
                print(json.dumps({"at": at, **readings}, ensure_ascii=False), flush=True)


async def run_daemon() -> None:
    """Print changes until SIGTERM; then the daemon must end with a clean log."""
    env = {"DBUS_SYSTEM_BUS_ADDRESS": SYSTEM_BUS}
    with Daemon(env=env, tls=False, starts_within=120) as daemon:
        printing = asyncio.ensure_future(print_changes(daemon))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, printing.cancel)
        with suppress(asyncio.CancelledError):
            await printing
    print(CLEAN, flush=True)


async def print_source(name: str, wanted: str) -> None:
    """Print the source of a device once it is `wanted`, or after 15 s.

    On this machine a service may answer later than the first reading.
    """
    device = DEVICES[name](resources(buses=Buses(session=None, system=SYSTEM_BUS)))

    async def watch() -> None:
        async with aclosing(device.watch()) as readings:
            async for _ in readings:
                pass

    watching = asyncio.ensure_future(watch())
    with suppress(AssertionError):
        await until_async(lambda: device.via == wanted, within=15)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    print(device.via)


if __name__ == "__main__":
    asyncio.run(print_source(*sys.argv[1:]) if sys.argv[1:] else run_daemon())
