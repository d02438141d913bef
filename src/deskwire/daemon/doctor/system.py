"""Checks of the desk: Python, clock, buses, state directory, users, certificate and port.

A check changes nothing. It reports separately what the first start creates and what a start
repairs, so it does not use the code that creates and repairs.
"""

import asyncio
import os
import platform
import stat
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path

import deskwire
from deskwire import __version__
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import DATABASE, StateDirectory
from deskwire.auth.users import Users
from deskwire.daemon import paths
from deskwire.daemon.config.settings import Settings
from deskwire.daemon.doctor.health import PASSING, CheckFailed, CheckResult, Condition, run_check
from deskwire.daemon.doctor.network import certificate, port
from deskwire.devices.dbus.buses import Bus, Buses, BusLost
from deskwire.model.problems import DeviceUnavailable, StateUnavailable
from deskwire.private_files import GROUP_AND_OTHERS, account_name


def check_system(settings: Settings, environ: Mapping[str, str]) -> list[CheckResult]:
    """Run all checks; blocks for a few seconds at most."""
    server = settings.server
    state = run_check("state", partial(state_directory, server.state_dir))
    usable = state.condition in PASSING
    return [
        run_check("python", python),
        run_check("clock", partial(clock, server.state_dir, paths.system_bus(environ))),
        run_check("session_bus", partial(session_bus, environ)),
        run_check("system_bus", partial(system_bus, environ)),
        state,
        run_check("users", partial(users, server.state_dir, usable=usable)),
        run_check("certificate", partial(certificate, server)),
        run_check("port", partial(port, server)),
    ]


def python() -> str:
    """Return the versions of Python and deskwire."""
    return f"{platform.python_version()} at {sys.executable}, deskwire {__version__}"


def session_bus(environ: Mapping[str, str]) -> str:
    """Connect to the session bus; absent if the environment has none."""
    address = paths.session_bus(environ)
    if address is None:
        raise CheckFailed(
            Condition.ABSENT,
            "DBUS_SESSION_BUS_ADDRESS is not set and $XDG_RUNTIME_DIR/bus does not exist",
            "run deskwire in the desktop session, or as a systemd user service",
        )
    try:
        asyncio.run(connect(Buses(session=address, system=None).session()))
    except BusLost as problem:
        raise CheckFailed(Condition.UNAVAILABLE, problem.message) from None
    return address


def system_bus(environ: Mapping[str, str]) -> str:
    """Connect to the system bus; absent if the machine has none."""
    address = paths.system_bus(environ)
    try:
        asyncio.run(connect(Buses(session=None, system=address).system()))
    except BusLost as problem:
        expected = paths.has_system_bus(environ)
        condition = Condition.UNAVAILABLE if expected else Condition.ABSENT
        raise CheckFailed(condition, problem.message) from None
    return address


async def connect(bus: AbstractAsyncContextManager[Bus]) -> None:
    """Connect to a bus and disconnect; raises `BusLost`."""
    async with bus:
        pass


def state_directory(folder: Path) -> str:
    """Check that the directory exists, and that only this user can read and write it."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        why = f"{folder} does not exist; the first start creates it"
        raise CheckFailed(Condition.ABSENT, why) from None
    except OSError as problem:
        raise CheckFailed(Condition.UNAVAILABLE, f"{folder}: {problem.strerror}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise CheckFailed(Condition.UNAVAILABLE, f"{folder} is not a directory")
    if found.st_uid != os.geteuid():
        owner, user = account_name(found.st_uid), account_name(os.geteuid())
        why = f"{folder} belongs to {owner}, but deskwire runs as {user}"
        raise CheckFailed(Condition.UNAVAILABLE, why, "set another server.state_dir")
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    if found.st_mode & GROUP_AND_OTHERS:
        why = f"{folder} is open to other users (mode {mode})"
        raise CheckFailed(Condition.UNSAFE, why, f"chmod 700 {folder}")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        why = f"{folder} cannot be read and written (mode {mode})"
        raise CheckFailed(Condition.UNAVAILABLE, why, f"chmod 700 {folder}")
    return str(folder)


def users(folder: Path, *, usable: bool) -> str:
    """Count the users, if the state directory has passed its check."""
    if not usable:
        raise CheckFailed(Condition.UNAVAILABLE, "not checked, because the state check failed")
    try:
        count = asyncio.run(count_users(folder)) if (folder / DATABASE).exists() else 0
    except StateUnavailable as problem:
        raise CheckFailed(Condition.UNAVAILABLE, problem.message) from None
    if count == 0:
        why = "no user; the first start creates one and prints the password"
        raise CheckFailed(Condition.ABSENT, why)
    return str(count)


async def count_users(folder: Path) -> int:
    """Return the number of users; raises `StateUnavailable`."""
    state = await asyncio.to_thread(StateDirectory.open, folder)
    try:
        return await Users(state, Passwords()).count()
    finally:
        state.close()


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
