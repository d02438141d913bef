"""Calls to systemd-logind, and to the user's own session at it.

`/session/auto` is the caller's session, or that of its user's display. A daemon outside of any
session and user manager has none; then the display session of the user is looked up.

Source: org.freedesktop.login1(5).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deskwire.devices.dbus.bus import Bus, CallFailed, CallTimedOut
from deskwire.devices.dbus.buses import PROPERTIES, unwrap
from deskwire.model.problems import DeviceUnavailable, OutOfScope

LOGIND = "org.freedesktop.login1"
MANAGER_PATH = "/org/freedesktop/login1"
AUTO = f"{MANAGER_PATH}/session/auto"
MANAGER, USER, SESSION = (f"{LOGIND}.{each}" for each in ("Manager", "User", "Session"))

_ERROR = "org.freedesktop.DBus.Error."
NO_OBJECT = frozenset(
    {_ERROR + "UnknownObject", _ERROR + "UnknownMethod", f"{LOGIND}.NoSuchSession"}
)
"""D-Bus errors without `/session/auto`; libdbus calls each method of a missing object unknown."""
ABSENT = NO_OBJECT | {_ERROR + "ServiceUnknown", f"{LOGIND}.NoSuchUser"}
DENIED = frozenset(
    {
        *(_ERROR + name for name in ("AccessDenied", "InteractiveAuthorizationRequired")),
        "org.freedesktop.PolicyKit1.Error.NotAuthorized",
    }
)


class NoSession(DeviceUnavailable):
    """There is no logind, or it has no session of the user."""


async def call_session(
    bus: Bus, member: str, signature: str, *arguments: Any, interface: str = SESSION
) -> list[Any]:
    """Call a method of the user's session.

    Raises `OutOfScope` if logind or polkit refuses it, and `DeviceUnavailable`.
    """
    with _translated(member):
        try:
            return await bus.call(LOGIND, AUTO, interface, member, signature, *arguments)
        except CallFailed as problem:
            if problem.error_name not in NO_OBJECT:
                raise
        path = await display_session(bus)
        return await bus.call(LOGIND, path, interface, member, signature, *arguments)


async def session_properties(bus: Bus) -> dict[str, Any]:
    """Return the properties of the user's session; raises `DeviceUnavailable`."""
    found = unwrap(await call_session(bus, "GetAll", "s", SESSION, interface=PROPERTIES))
    return found[0] if found and isinstance(found[0], dict) else {}


async def call_manager(bus: Bus, member: str, signature: str, *arguments: Any) -> list[Any]:
    """Call a method of logind's manager; raises as `call_session`."""
    with _translated(member):
        return await bus.call(LOGIND, MANAGER_PATH, MANAGER, member, signature, *arguments)


@contextmanager
def _translated(member: str) -> Iterator[None]:
    """Turn D-Bus errors of a call into problems for the client."""
    try:
        yield
    except CallFailed as problem:
        if problem.error_name in DENIED:
            raise OutOfScope(f"the system does not allow {member}: {problem.message}") from None
        kind = NoSession if problem.error_name in ABSENT else DeviceUnavailable
        raise kind(f"logind: {problem.message}") from None
    except CallTimedOut:
        raise DeviceUnavailable("logind does not answer") from None


async def display_session(bus: Bus) -> str:
    """Return the path of the user's display session; raises `DeviceUnavailable`."""
    body = await bus.call(LOGIND, MANAGER_PATH, MANAGER, "GetUser", "u", os.getuid())
    found = await bus.call(LOGIND, body[0], PROPERTIES, "Get", "ss", USER, "Display")
    session, path = unwrap(found[0])
    if not session:
        raise NoSession("this user has no session with a display")
    return str(path)
