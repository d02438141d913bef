"""Session of the desk's user: whether it is locked and idle, and commands for lock and power.

Source: logind, org.freedesktop.login1(5). logind signals every change of the hints, and the device
then reads all of them again. While the session is idle, it also reads at each interval.

`Lock` is a signal to the screen locker, and logind answers it without one. So the command waits
until the locker sets `LockedHint`. The other commands are offered only if logind answers `yes` to
their question, `CanSuspend` for example. It answers `challenge` if polkit wants a password, which
the user can type only at the desk.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Annotated, Any, ClassVar

from dbus_fast import Message
from msgspec import Meta, Struct

from deskwire.devices.dbus.buses import PROPERTIES, Bus, BusLost, owner_changes
from deskwire.devices.dbus.logind import (
    LOGIND,
    MANAGER,
    MANAGER_PATH,
    SESSION,
    NoSession,
    call_manager,
    call_session,
    session_properties,
)
from deskwire.devices.device import Device, Resources
from deskwire.devices.ticker import ChangeFlag
from deskwire.model.access import Scope
from deskwire.model.commands import Command
from deskwire.model.problems import DeviceUnavailable, NotSupported, OutOfScope
from deskwire.model.topics import Topic
from deskwire.model.units import Seconds

FIRST_TIMEOUT = Seconds(0.2)
"""Timeout for the first reading, and for the question which commands work now."""
COMMAND_TIMEOUT = Seconds(2.0)
SEARCH_EVERY = Seconds(10.0)
"""Interval of the search for logind and a session while one of them is absent."""
LOCK_TIMEOUT = Seconds(5.0)
"""Time that a screen locker has to lock the session."""


class SessionState(Struct, frozen=True):
    """State of the desk's session."""

    locked: Annotated[bool, Meta(description="Whether the screen locker has locked it")]
    idle: Annotated[
        Seconds,
        Meta(ge=0, description="Whole seconds for which the desktop reports it as idle; 0 in use"),
    ]


class Lock(Command, frozen=True):
    """Lock the session; succeeds when the screen locker has locked it."""

    name = "session.lock"


class PowerCommand(Command, frozen=True):
    """Base class of the commands that logind carries out for the whole machine."""

    scope = Scope.POWER
    method: ClassVar[str]
    """Method of logind's manager; `Can` before it is the question whether it works."""


class Suspend(PowerCommand, frozen=True):
    """Suspend the machine."""

    name = "session.suspend"
    method = "Suspend"


class Hibernate(PowerCommand, frozen=True):
    """Hibernate the machine."""

    name = "session.hibernate"
    method = "Hibernate"


class Restart(PowerCommand, frozen=True):
    """Restart the machine."""

    name = "session.restart"
    method = "Reboot"


class PowerOff(PowerCommand, frozen=True):
    """Power the machine off."""

    name = "session.power-off"
    method = "PowerOff"


POWER_COMMANDS = (Suspend, Hibernate, Restart, PowerOff)


class SessionDevice(Device[SessionState]):
    """The session of the daemon's user at logind."""

    topic = Topic("session", SessionState, absent="no session at logind")
    commands = (Lock, *POWER_COMMANDS)

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self.via = "logind on the system bus"
        self._buses = resources.buses

    async def watch(self) -> AsyncGenerator[SessionState | None, None]:
        """Yield the present state, then each that differs, and `None` without a session.

        Raises `DeviceUnavailable` if logind hangs.
        """
        is_absent = False
        while True:
            with suppress(NoSession, BusLost):
                async with aclosing(self._follow()) as readings:
                    async for reading in readings:
                        is_absent = False
                        yield reading
            if not is_absent:
                is_absent = True
                yield None
            await self.pace.tick(SEARCH_EVERY)

    async def _follow(self) -> AsyncGenerator[SessionState, None]:
        """Yield the state of the session until it ends."""
        changed = ChangeFlag()
        async with self._buses.system() as bus:
            ended = asyncio.ensure_future(bus.lost())
            ended.add_done_callback(lambda _: changed.set())
            try:
                async with following(bus, changed):
                    reading = await read_state(bus, FIRST_TIMEOUT)
                    yield reading
                    while True:
                        await changed.wait(self.pace, self.interval if reading.idle else None)
                        last, reading = reading, await read_state(bus, COMMAND_TIMEOUT)
                        if reading != last:
                            yield reading
            finally:
                ended.cancel()

    async def offered(self) -> frozenset[type[Command]]:
        """Return the commands to which logind agrees; none if it does not answer at once."""
        found: set[type[Command]] = set()
        with suppress(TimeoutError, DeviceUnavailable):
            async with asyncio.timeout(FIRST_TIMEOUT), self._buses.system() as bus:
                for command in POWER_COMMANDS:
                    with suppress(DeviceUnavailable, OutOfScope):
                        if await permission(bus, command) == "yes":
                            found.add(command)
                await session_properties(bus)
                found.add(Lock)
        return frozenset(found)

    async def perform(self, command: Command) -> None:
        """Lock within 5 s, or have logind carry out another command within 2 s.

        Raises `DeviceUnavailable`, `NotSupported`, and `OutOfScope` if polkit refuses it.
        """
        timeout = LOCK_TIMEOUT if isinstance(command, Lock) else COMMAND_TIMEOUT
        try:
            async with asyncio.timeout(timeout), self._buses.system() as bus:
                if isinstance(command, PowerCommand):
                    require_permission(command, await permission(bus, command))
                    await call_manager(bus, command.method, "b", False)
                else:
                    await self._lock(bus)
        except TimeoutError:
            missing = "no screen locker locked the session"
            what = missing if isinstance(command, Lock) else "logind did not answer"
            raise DeviceUnavailable(f"{what} within {timeout:g} s") from None

    async def _lock(self, bus: Bus) -> None:
        changed = ChangeFlag()
        async with following(bus, changed):
            if (await read_state(bus, COMMAND_TIMEOUT)).locked:
                return
            await call_session(bus, "Lock", "")
            while not (await read_state(bus, COMMAND_TIMEOUT)).locked:
                await changed.wait(self.pace, None)


@asynccontextmanager
async def following(bus: Bus, changed: ChangeFlag) -> AsyncIterator[None]:
    """Set the flag when the state of a session may differ; sessions that start and end count."""

    def receive(message: Message) -> None:
        if is_relevant(message):
            changed.set()

    rules = (
        f"type='signal',sender='{LOGIND}',interface='{PROPERTIES}',arg0='{SESSION}'",
        f"type='signal',sender='{LOGIND}',interface='{MANAGER}'",
    )
    async with bus.signals(receive, owner_changes(LOGIND), *rules):
        yield


def is_relevant(message: Message) -> bool:
    """Return whether a signal may change the reading."""
    match message.interface, message.member, message.body:
        case "org.freedesktop.DBus", "NameOwnerChanged", [name, *_]:
            return bool(name == LOGIND)
        case "org.freedesktop.DBus.Properties", "PropertiesChanged", [interface, *_]:
            return bool(interface == SESSION)
    return message.interface == MANAGER and message.path == MANAGER_PATH


async def read_state(bus: Bus, timeout: Seconds) -> SessionState:
    """Read the state of the session; raises `DeviceUnavailable`."""
    try:
        async with asyncio.timeout(timeout):
            properties = await session_properties(bus)
    except TimeoutError:
        raise DeviceUnavailable(f"logind did not answer within {timeout:g} s") from None
    return parse_state(properties, Seconds(time.monotonic()))


def parse_state(properties: Mapping[str, Any], now: Seconds) -> SessionState:
    """Parse the properties of a session; `now` is CLOCK_MONOTONIC."""
    since = properties.get("IdleSinceHintMonotonic")
    idle = 0.0
    if properties.get("IdleHint") is True and isinstance(since, int) and since > 0:
        idle = max(0.0, now - since / 1_000_000)
    return SessionState(properties.get("LockedHint") is True, Seconds(idle // 1))


async def permission(bus: Bus, command: type[PowerCommand] | PowerCommand) -> str:
    """Return logind's answer to whether a command works: `yes`, `no`, `na` or `challenge`."""
    return str((await call_manager(bus, f"Can{command.method}", ""))[0])


def require_permission(command: PowerCommand, answer: str) -> None:
    """Raise the problem of an answer that is not `yes`."""
    if answer == "na":
        raise NotSupported(f"this machine cannot do {command.name}")
    if answer == "challenge":
        raise OutOfScope(
            f"{command.name} needs a password at the desk: "
            "its session is not in front, or another program or user prevents it"
        )
    if answer != "yes":
        raise OutOfScope(f"the policy of the desk does not allow {command.name}")
