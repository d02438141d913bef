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
from deskwire.auth.private_files import OTHERS, name_of
from deskwire.auth.state import DATABASE, State
from deskwire.auth.users import Users
from deskwire.daemon import paths as places
from deskwire.daemon.config.settings import Settings
from deskwire.daemon.doctor.clock import clock
from deskwire.daemon.doctor.health import FINE, Condition, Finding, NotOk, finding
from deskwire.daemon.doctor.network import certificate, port
from deskwire.devices.dbus.buses import Buses, BusLost
from deskwire.model.problems import StateUnavailable


def check_up(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Look at the desk, from the ground up; blocks, for a few seconds at most."""
    server = settings.server
    state = finding("state", partial(state_directory, server.state_dir))
    usable = state.condition in FINE
    return [
        finding("python", python),
        finding("clock", partial(clock, server.state_dir)),
        finding("session_bus", partial(session_bus, environ)),
        finding("system_bus", partial(system_bus, environ)),
        state,
        finding("users", partial(users, server.state_dir, usable=usable)),
        finding("certificate", partial(certificate, server)),
        finding("port", partial(port, server)),
    ]


def python() -> str:
    """Say what runs which deskwire."""
    return f"{platform.python_version()} at {sys.executable}, deskwire {__version__}"


def session_bus(environ: Mapping[str, str]) -> str:
    """Reach the session bus; absent where nothing says that there is one."""
    address = places.session_bus(environ)
    if address is None:
        raise NotOk(
            Condition.ABSENT,
            "DBUS_SESSION_BUS_ADDRESS is not set and $XDG_RUNTIME_DIR/bus is not there",
            "run deskwire in the desktop session, or as a systemd user service",
        )
    try:
        asyncio.run(reach_session_bus(address))
    except BusLost as problem:
        raise NotOk(Condition.UNAVAILABLE, problem.message) from None
    return address


def system_bus(environ: Mapping[str, str]) -> str:
    """Reach the system bus; absent where nothing says that there is one."""
    address = places.system_bus(environ)
    try:
        asyncio.run(reach_system_bus(address))
    except BusLost as problem:
        there = places.has_system_bus(environ)
        condition = Condition.UNAVAILABLE if there else Condition.ABSENT
        raise NotOk(condition, problem.message) from None
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
        raise NotOk(Condition.ABSENT, why) from None
    except OSError as problem:
        raise NotOk(Condition.UNAVAILABLE, f"{folder}: {problem.strerror}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise NotOk(Condition.UNAVAILABLE, f"{folder} is not a folder")
    if found.st_uid != os.geteuid():
        why = f"{folder} belongs to {name_of(found.st_uid)} and this is {name_of(os.geteuid())}"
        raise NotOk(Condition.UNAVAILABLE, why, "name another folder in server.state_dir")
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    if found.st_mode & OTHERS:
        why = f"{folder} is open to others ({mode})"
        raise NotOk(Condition.UNSAFE, why, f"chmod 700 {folder}")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        why = f"{folder} cannot be read and written ({mode})"
        raise NotOk(Condition.UNAVAILABLE, why, f"chmod 700 {folder}")
    return str(folder)


def users(folder: Path, *, usable: bool) -> str:
    """Count the users, if the state directory is as it ought to be."""
    if not usable:
        raise NotOk(Condition.UNAVAILABLE, "not looked at, because of the state directory")
    try:
        count = asyncio.run(count_users(folder)) if (folder / DATABASE).exists() else 0
    except StateUnavailable as problem:
        raise NotOk(Condition.UNAVAILABLE, problem.message) from None
    if count == 0:
        why = "nobody yet; the first start makes one and shows the password"
        raise NotOk(Condition.ABSENT, why)
    return str(count)


async def count_users(folder: Path) -> int:
    """Return how many people may log in; raises `StateUnavailable`."""
    state = await asyncio.to_thread(State.open, folder)
    try:
        return await Users(state, Passwords()).count()
    finally:
        state.close()
