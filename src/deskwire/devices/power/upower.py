"""UPower: the desktop's own view of its batteries, on the system bus.

Source: UPower's D-Bus reference. `DisplayDevice` is UPower's sum of the system's batteries and
leaves out mice and headsets; but a UPS, when there is one, takes its place, so the sum counts only
where it is a battery, and otherwise the batteries are weighted here. `Online` of a line is right at
once when the plug is pulled, while `OnBattery` waits for the battery to notice, so it counts only
where there is no line.

Whenever UPower says that something changed, all of it is asked again: a few calls, a few times a
minute, instead of a copy that could be wrong.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from dbus_fast import Message

from deskwire.devices.dbus.buses import (
    BUS,
    BUS_PATH,
    Bus,
    CallFailed,
    CallTimedOut,
    owner_changes,
)
from deskwire.devices.power.power_supply import Cell, combine
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Battery
from deskwire.model.units import Seconds

UPOWER = "org.freedesktop.UPower"
PATH = "/org/freedesktop/UPower"
DEVICE = "org.freedesktop.UPower.Device"
DISPLAY_DEVICE = "/org/freedesktop/UPower/devices/DisplayDevice"

LINE_POWER, BATTERY = 1, 2
"""Of the property `Type`."""

TOLD = frozenset({"Percentage", "IsPresent", "Online", "OnBattery", "Type", "PowerSupply"})
"""Properties a reading is made of; the others change every half minute and mean nothing here."""

START_TIMEOUT = Seconds(0.05)
"""Starting takes longer now and then; when it is done, the bus says so."""


class UPower:
    """UPower as seen from one bus connection, whether it runs just now or not."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def read(self, timeout: Seconds) -> Battery | None:
        """Return the state of all system batteries together, `None` without one.

        Raises `DeviceUnavailable` when UPower is not running or does not answer in time.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._read()
        except TimeoutError:
            raise CallTimedOut("UPower does not answer") from None

    async def _read(self) -> Battery | None:
        if await self._bus.owner(UPOWER) is None:  # a call would start it
            raise DeviceUnavailable("UPower is not running")
        body = await self._bus.call(UPOWER, PATH, UPOWER, "EnumerateDevices")
        daemon, display, *devices = await asyncio.gather(
            self._bus.properties(UPOWER, PATH, UPOWER),
            *(self._device(path) for path in (DISPLAY_DEVICE, *body[0])),
        )
        return parse_battery(daemon, display, devices)

    async def _device(self, path: str) -> dict[str, Any]:
        try:
            return await self._bus.properties(UPOWER, path, DEVICE)
        except CallFailed:
            return {}  # it went between the two calls

    async def start(self) -> None:
        """Have the bus start UPower, if it can and UPower is not running; returns soon."""
        with suppress(CallFailed, CallTimedOut):
            body = await self._bus.call(BUS, BUS_PATH, BUS, "ListActivatableNames")
            if UPOWER in body[0] and await self._bus.owner(UPOWER) is None:
                await self._bus.call(
                    *(BUS, BUS_PATH, BUS, "StartServiceByName", "su", UPOWER, 0),
                    timeout=START_TIMEOUT,
                )


@asynccontextmanager
async def watched(bus: Bus, changed: Callable[[], None]) -> AsyncIterator[UPower]:
    """Hold UPower and call `changed` when it comes, goes, or tells of a change."""

    def receive(message: Message) -> None:
        if tells(message):
            changed()

    async with bus.signals(
        receive, owner_changes(UPOWER), f"type='signal',sender='{UPOWER}',path_namespace='{PATH}'"
    ):
        yield UPower(bus)


def tells(message: Message) -> bool:
    """Whether a signal may make a reading another."""
    match message.interface, message.member, message.body:
        case "org.freedesktop.DBus", "NameOwnerChanged", [name, *_]:
            return bool(name == UPOWER)
        case "org.freedesktop.UPower", "DeviceAdded" | "DeviceRemoved", _:
            return True
        case "org.freedesktop.DBus.Properties", "PropertiesChanged", [interface, new, old]:
            return interface in {UPOWER, DEVICE} and not TOLD.isdisjoint([*new, *old])
    return False


def parse_battery(
    daemon: Mapping[str, Any], display: Mapping[str, Any], devices: Iterable[Mapping[str, Any]]
) -> Battery | None:
    """Return the state of all system batteries together, from properties of UPower's objects."""
    system = [device for device in devices if device.get("PowerSupply")]
    lines = [bool(device.get("Online")) for device in system if device.get("Type") == LINE_POWER]
    if display.get("Type") == BATTERY:
        system = [display]
    cells = [
        Cell(float(device.get("Percentage", 0.0)), float(device.get("EnergyFull", 0.0)))
        for device in system
        if device.get("Type") == BATTERY and device.get("IsPresent")
    ]
    return combine(cells, lines, on_battery=bool(daemon.get("OnBattery")))
