"""How the desk itself is: Python, the buses, the state directory, its users, and the doors.

A checkup changes nothing. What the first start would make is merely absent, and what a start would
mend is said: so this looks with its own eyes, not through the code that mends.
"""

import asyncio
import os
import platform
import stat
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from deskwire import __version__
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import DATABASE, StateDirectory
from deskwire.auth.users import Users
from deskwire.daemon import paths as places
from deskwire.daemon.config.settings import Settings
from deskwire.daemon.doctor.clock import clock
from deskwire.daemon.doctor.health import PASSING, CheckFailed, CheckResult, Condition, run_check
from deskwire.daemon.doctor.network import certificate, port
from deskwire.devices.dbus.buses import Buses, BusLost
from deskwire.model.problems import StateUnavailable
from deskwire.private_files import OTHERS, name_of


def check_up(settings: Settings, environ: Mapping[str, str]) -> list[CheckResult]:
    """Look at the desk, from the ground up; blocks, for a few seconds at most."""
    server = settings.server
    state = run_check("state", partial(state_directory, server.state_dir))
    usable = state.condition in PASSING
    return [
        run_check("python", python),
        run_check("clock", partial(clock, server.state_dir)),
        run_check("session_bus", partial(session_bus, environ)),
        run_check("system_bus", partial(system_bus, environ)),
        state,
        run_check("users", partial(users, server.state_dir, usable=usable)),
        run_check("certificate", partial(certificate, server)),
        run_check("port", partial(port, server)),
    ]


def python() -> str:
    """Say what runs which deskwire."""
    return f"{platform.python_version()} at {sys.executable}, deskwire {__version__}"


def session_bus(environ: Mapping[str, str]) -> str:
    """Reach the session bus; absent where nothing says that there is one."""
    address = places.session_bus(environ)
    if address is None:
        raise CheckFailed(
            Condition.ABSENT,
            "DBUS_SESSION_BUS_ADDRESS is not set and $XDG_RUNTIME_DIR/bus is not there",
            "run deskwire in the desktop session, or as a systemd user service",
        )
    try:
        asyncio.run(reach_session_bus(address))
    except BusLost as problem:
        raise CheckFailed(Condition.UNAVAILABLE, problem.message) from None
    return address


def system_bus(environ: Mapping[str, str]) -> str:
    """Reach the system bus; absent where nothing says that there is one."""
    address = places.system_bus(environ)
    try:
        asyncio.run(reach_system_bus(address))
    except BusLost as problem:
        there = places.has_system_bus(environ)
        condition = Condition.UNAVAILABLE if there else Condition.ABSENT
        raise CheckFailed(condition, problem.message) from None
    return address


async def reach_session_bus(address: str) -> None:
    """Hold it for a moment; raises `BusLost`."""
    async with Buses(session=address, system=None).session():
        pass


async def reach_system_bus(address: str) -> None:
    """Hold it for a moment; raises `BusLost`."""
    async with Buses(session=None, system=address).system():
        pass


def state_directory(folder: Path) -> str:
    """Look whether the folder is there, our own, closed to others, and usable."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        why = f"{folder} is not there; the first start makes it"
        raise CheckFailed(Condition.ABSENT, why) from None
    except OSError as problem:
        raise CheckFailed(Condition.UNAVAILABLE, f"{folder}: {problem.strerror}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise CheckFailed(Condition.UNAVAILABLE, f"{folder} is not a folder")
    if found.st_uid != os.geteuid():
        why = f"{folder} belongs to {name_of(found.st_uid)} and this is {name_of(os.geteuid())}"
        raise CheckFailed(Condition.UNAVAILABLE, why, "name another folder in server.state_dir")
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    if found.st_mode & OTHERS:
        why = f"{folder} is open to others ({mode})"
        raise CheckFailed(Condition.UNSAFE, why, f"chmod 700 {folder}")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        why = f"{folder} cannot be read and written ({mode})"
        raise CheckFailed(Condition.UNAVAILABLE, why, f"chmod 700 {folder}")
    return str(folder)


def users(folder: Path, *, usable: bool) -> str:
    """Count the users, if the state directory is as it ought to be."""
    if not usable:
        raise CheckFailed(Condition.UNAVAILABLE, "not looked at, because of the state directory")
    try:
        count = asyncio.run(count_users(folder)) if (folder / DATABASE).exists() else 0
    except StateUnavailable as problem:
        raise CheckFailed(Condition.UNAVAILABLE, problem.message) from None
    if count == 0:
        why = "nobody yet; the first start makes one and shows the password"
        raise CheckFailed(Condition.ABSENT, why)
    return str(count)


async def count_users(folder: Path) -> int:
    """Return how many people may log in; raises `StateUnavailable`."""
    state = await asyncio.to_thread(StateDirectory.open, folder)
    try:
        return await Users(state, Passwords()).count()
    finally:
        state.close()
