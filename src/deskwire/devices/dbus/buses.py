"""Shared connections to the session bus and the system bus.

The first holder opens a connection and the last one closes it. Nothing waits for a bus to come
back: a watch that loses its bus raises `BusLost`, is started again, and then opens a new
connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
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


Address = str | Callable[[], str | None] | None
"""Address of a bus, or a function that looks it up; the function may block.

It is called at each attempt to connect, because a bus may appear, end and move at any time.
"""


class Buses:
    """The two buses of a desk; each connection is shared and reference-counted."""

    def __init__(self, *, session: Address, system: Address) -> None:
        self._session = _SharedConnection("session", session)
        self._system = _SharedConnection("system", system)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Bus]:
        """Open or share the session bus; raises `BusLost` when it cannot be reached."""
        async with self._session.held() as bus:
            yield bus

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Bus]:
        """Open or share the system bus; raises `BusLost` when it cannot be reached."""
        async with self._system.held() as bus:
            yield bus


class _SharedConnection:
    """One connection with a reference count."""

    def __init__(self, name: str, address: Address) -> None:
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
        address = self._address
        if callable(address):
            address = await asyncio.to_thread(address)
        if address is None:
            raise BusLost(
                f"there is no {self._name} bus: deskwire runs outside of a desktop session"
            )
        connection: MessageBus | None = None
        try:
            connection = MessageBus(bus_address=address)
            async with asyncio.timeout(CALL_TIMEOUT):
                await connection.connect()
        except (OSError, EOFError, AuthError, InvalidAddressError, TimeoutError) as problem:
            why = getattr(problem, "strerror", None) or str(problem) or "no answer"
            raise BusLost(f"the {self._name} bus cannot be reached: {why}") from None
        return Bus(self._name, connection)
