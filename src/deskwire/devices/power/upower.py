"""Batteries as reported by UPower on the system bus.

Source: UPower's D-Bus reference. `DisplayDevice` is UPower's total of the system batteries, without
mice and headsets. A UPS takes its place, so it is used only if it is a battery; otherwise
this module weights the batteries. `Online` of a mains line changes at once when the plug is pulled,
`OnBattery` only when the battery reports it, so `OnBattery` counts only without a line.

After each relevant signal all values are read again. That is a few calls a minute, and no copy can
become stale.
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
from deskwire.devices.power.power_supply import BatteryCharge, combine
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Battery
from deskwire.model.units import Seconds

UPOWER = "org.freedesktop.UPower"
PATH = "/org/freedesktop/UPower"
DEVICE = "org.freedesktop.UPower.Device"
DISPLAY_DEVICE = "/org/freedesktop/UPower/devices/DisplayDevice"

LINE_POWER, BATTERY = 1, 2
"""Values of the property `Type`."""

RELEVANT_PROPERTIES = frozenset(
    {"Percentage", "IsPresent", "Online", "OnBattery", "Type", "PowerSupply"}
)
"""Properties that a reading depends on; the others change every 30 s and are irrelevant."""

START_TIMEOUT = Seconds(0.05)
"""A start may take longer; the bus then signals the new name."""


class UPower:
    """UPower on one bus connection, whether it is running or not."""

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
            raise CallTimedOut(f"UPower does not answer within {timeout:g} s") from None

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
            return {}  # removed between the two calls

    async def start(self) -> None:
        """Ask the bus to start UPower if it is activatable and not running.

        Does not wait for it.
        """
        with suppress(CallFailed, CallTimedOut):
            body = await self._bus.call(BUS, BUS_PATH, BUS, "ListActivatableNames")
            if UPOWER in body[0] and await self._bus.owner(UPOWER) is None:
                await self._bus.call(
                    *(BUS, BUS_PATH, BUS, "StartServiceByName", "su", UPOWER, 0),
                    timeout=START_TIMEOUT,
                )


@asynccontextmanager
async def follow_upower(bus: Bus, changed: Callable[[], None]) -> AsyncIterator[UPower]:
    """Follow UPower; call `changed` when it starts, stops or signals a change."""

    def receive(message: Message) -> None:
        if is_relevant(message):
            changed()

    async with bus.signals(
        receive, owner_changes(UPOWER), f"type='signal',sender='{UPOWER}',path_namespace='{PATH}'"
    ):
        yield UPower(bus)


def is_relevant(message: Message) -> bool:
    """Return whether a signal may change the reading."""
    match message.interface, message.member, message.body:
        case "org.freedesktop.DBus", "NameOwnerChanged", [name, *_]:
            return bool(name == UPOWER)
        case "org.freedesktop.UPower", "DeviceAdded" | "DeviceRemoved", _:
            return True
        case "org.freedesktop.DBus.Properties", "PropertiesChanged", [interface, new, old]:
            return interface in {UPOWER, DEVICE} and not RELEVANT_PROPERTIES.isdisjoint(
                [*new, *old]
            )
    return False


def parse_battery(
    daemon: Mapping[str, Any], display: Mapping[str, Any], devices: Iterable[Mapping[str, Any]]
) -> Battery | None:
    """Return the state of all system batteries together, from properties of UPower's objects."""
    system = [device for device in devices if device.get("PowerSupply")]
    lines = [bool(device.get("Online")) for device in system if device.get("Type") == LINE_POWER]
    if display.get("Type") == BATTERY:
        system = [display]
    batteries = [
        BatteryCharge(float(device.get("Percentage", 0.0)), float(device.get("EnergyFull", 0.0)))
        for device in system
        if device.get("Type") == BATTERY and device.get("IsPresent")
    ]
    return combine(batteries, lines, on_battery=bool(daemon.get("OnBattery")))
