"""The buses of a desk: one connection each, for the first who needs it until the last has left.

Nothing here waits for a bus to come back: a watch that loses its bus raises `BusLost` and is
started again, and opens a new connection then.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dbus_fast import AuthError, InvalidAddressError
from dbus_fast.aio import MessageBus

from deskwire.devices.dbus.bus import (
    BUS,
    BUS_PATH,
    CALL_TIMEOUT,
    PROPERTIES,
    Bus,
    BusLost,
    CallFailed,
    CallTimedOut,
    Receive,
    owner_changes,
    remove_match,
    unwrap,
)

__all__ = [
    "BUS",
    "BUS_PATH",
    "CALL_TIMEOUT",
    "PROPERTIES",
    "Bus",
    "BusLost",
    "Buses",
    "CallFailed",
    "CallTimedOut",
    "Receive",
    "owner_changes",
    "remove_match",
    "unwrap",
]


class Buses:
    """The two buses of a desk, by address; connections are shared and counted."""

    def __init__(self, *, session: str | None, system: str | None) -> None:
        self._session = _Shared("session", session)
        self._system = _Shared("system", system)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Bus]:
        """Hold the session bus; raises `BusLost` when it cannot be reached."""
        async with self._session.held() as bus:
            yield bus

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Bus]:
        """Hold the system bus; raises `BusLost` when it cannot be reached."""
        async with self._system.held() as bus:
            yield bus


class _Shared:
    """One bus connection, opened for the first holder, closed after the last."""

    def __init__(self, name: str, address: str | None) -> None:
        self._name = name
        self._address = address
        self._bus: Bus | None = None
        self._holders = 0
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Bus]:
        async with self._opening:
            if self._bus is None or self._bus.ended:
                self._bus, self._holders = await self._open(), 0
            bus = self._bus
            self._holders += 1
        try:
            yield bus
        finally:
            if bus is self._bus:
                self._holders -= 1
                if self._holders == 0:
                    self._bus = None
                    bus.close()

    async def _open(self) -> Bus:
        if self._address is None:
            raise BusLost(
                f"there is no {self._name} bus: deskwire runs outside of a desktop session"
            )
        connection: MessageBus | None = None
        try:
            connection = MessageBus(bus_address=self._address)
            async with asyncio.timeout(CALL_TIMEOUT):
                await connection.connect()
        except (OSError, EOFError, AuthError, InvalidAddressError, TimeoutError) as problem:
            why = getattr(problem, "strerror", None) or str(problem) or "no answer"
            raise BusLost(f"the {self._name} bus cannot be reached: {why}") from None
        return Bus(self._name, connection)
