"""Check of the wall clock: not behind deskwire's own files, and synchronised or not.

A clock that is behind the modification time of deskwire's code or state is wrong. Whether a service
synchronises the clock is a property of systemd-timedated (org.freedesktop.timedate1(5)).
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import deskwire
from deskwire.auth.state_directory import DATABASE
from deskwire.daemon.doctor.health import CheckFailed, Condition
from deskwire.devices.dbus.buses import Buses
from deskwire.model.problems import DeviceUnavailable

MAX_SKEW = 300.0
"""Seconds; the clock of a file server may be a little ahead."""
TIMEDATE = "org.freedesktop.timedate1"
TIMEDATE_PATH = "/org/freedesktop/timedate1"


def clock(state: Path, system_bus: str) -> str:
    """Check the clock; unsafe if it is behind a file that was written with it."""
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now))
    path, written = newest([Path(deskwire.__file__), state / DATABASE, state / f"{DATABASE}-wal"])
    if written > now + MAX_SKEW:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(written))
        why = f"the clock is behind: {path} was written on {when}"
        remedy = "set the clock, or run `timedatectl set-ntp true` to synchronise it"
        raise CheckFailed(Condition.UNSAFE, why, remedy, found=shown)
    return f"{shown}, {asyncio.run(describe_synchronisation(system_bus))}"


def newest(paths: Iterable[Path]) -> tuple[Path, float]:
    """Return the path and time of the newest file, of those that can be read."""
    written: dict[Path, float] = {}
    for path in paths:
        with suppress(OSError):
            written[path] = path.stat().st_mtime
    return max(written.items(), key=lambda each: each[1])


async def describe_synchronisation(system_bus: str) -> str:
    """Return whether the clock is synchronised, as systemd-timedated reports it."""
    try:
        async with Buses(session=None, system=system_bus).system() as bus:
            properties = await bus.properties(TIMEDATE, TIMEDATE_PATH, TIMEDATE)
    except DeviceUnavailable:
        return "synchronisation unknown: systemd-timedated does not answer"
    return "synchronised" if properties.get("NTPSynchronized") else "not synchronised"
