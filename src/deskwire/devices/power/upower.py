"""Batteries as reported by UPower on the system bus.

Source: UPower's D-Bus reference. `DisplayDevice` is UPower's total of the system batteries, without
mice and headsets. A UPS takes its place, so it is used only if it is a battery; otherwise
this module weights the batteries. No value is trusted: one of the wrong type or beyond its range
is unknown. `OnBattery` counts only without a battery's `State`. UPower does not tell a power
adapter from a USB port, so their type comes from the kernel or, without it, from their name.

After each relevant signal all values are read again. That is a few calls a minute, and no copy can
become stale.
"""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
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
from deskwire.devices.kernel.sysfs import read_attribute
from deskwire.devices.power.power_supply import (
    MAINS,
    SUBSYSTEM,
    BatteryCharge,
    Line,
    Supplies,
    parse_percent,
)
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds

UPOWER = "org.freedesktop.UPower"
PATH = "/org/freedesktop/UPower"
DEVICE = "org.freedesktop.UPower.Device"
DISPLAY_DEVICE = "/org/freedesktop/UPower/devices/DisplayDevice"

LINE_POWER, BATTERY = 1, 2
"""Values of the property `Type`."""
UNKNOWN, CHARGING, DISCHARGING = 0, 1, 2
"""Values of the property `State`."""
KIND = "Kind"
"""Added to a line's properties: the type of its supply in the kernel."""
PORT = re.compile("usb|ucsi|tcpm|tps|type-?c|pd-|wireless|wls", re.IGNORECASE)
"""Part of the name of a USB port or a wireless charger."""

RELEVANT_PROPERTIES = frozenset(
    {"Percentage", "IsPresent", "Online", "OnBattery", "Type", "PowerSupply", "State"}
)
"""Properties that a reading depends on; the others change every 30 s and are irrelevant."""

START_TIMEOUT = Seconds(0.05)
"""A start may take longer; the bus then signals the new name."""


class UPower:
    """UPower on one bus connection, whether it is running or not."""

    def __init__(self, bus: Bus, sys: Path) -> None:
        self._bus = bus
        self._sys = sys

    async def read(self, timeout: Seconds) -> Supplies:
        """Return the state of all supplies.

        Raises `DeviceUnavailable` when UPower is not running or does not answer in time.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._read()
        except TimeoutError:
            raise CallTimedOut(f"UPower does not answer within {timeout:g} s") from None

    async def _read(self) -> Supplies:
        if await self._bus.owner(UPOWER) is None:  # a call would start it
            raise DeviceUnavailable("UPower is not running")
        body = await self._bus.call(UPOWER, PATH, UPOWER, "EnumerateDevices")
        daemon, display, *devices = await asyncio.gather(
            self._bus.properties(UPOWER, PATH, UPOWER),
            *(self._device(path) for path in (DISPLAY_DEVICE, *device_paths(body))),
        )
        await asyncio.to_thread(self._add_kinds, devices)
        return parse_supplies(daemon, display, devices)

    async def _device(self, path: str) -> dict[str, Any]:
        try:
            properties = await self._bus.properties(UPOWER, path, DEVICE)
        except CallFailed:
            return {}  # removed between the two calls
        return {"NativePath": path, **properties}

    def _add_kinds(self, devices: Iterable[dict[str, Any]]) -> None:
        for device in devices:
            if device.get("Type") == LINE_POWER:
                file = self._sys / "class" / SUBSYSTEM / native_name(device) / "type"
                device[KIND] = read_attribute(file)

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
async def follow_upower(bus: Bus, sys: Path, changed: Callable[[], None]) -> AsyncIterator[UPower]:
    """Follow UPower; call `changed` when it starts, stops or signals a change."""

    def receive(message: Message) -> None:
        if is_relevant(message):
            changed()

    async with bus.signals(
        receive, owner_changes(UPOWER), f"type='signal',sender='{UPOWER}',path_namespace='{PATH}'"
    ):
        yield UPower(bus, sys)


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


def device_paths(body: list[Any]) -> list[str]:
    """Return the object paths in an answer to EnumerateDevices; another answer has none."""
    paths = body[0] if body and isinstance(body[0], list) else []
    return [path for path in paths if isinstance(path, str) and path.startswith(PATH)]


def parse_supplies(
    daemon: Mapping[str, Any], display: Mapping[str, Any], devices: Iterable[Mapping[str, Any]]
) -> Supplies:
    """Parse the properties of UPower's objects.

    If the percentage of its total is impossible, those of the batteries are used, with a problem.
    """
    system = [device for device in devices if device.get("PowerSupply") is True]
    lines = [
        Line(device["Online"], is_mains(device))
        for device in system
        if device.get("Type") == LINE_POWER and isinstance(device.get("Online"), bool)
    ]
    batteries = [device for device in system if is_present_battery(device)]
    problem = ""
    if display.get("Type") == BATTERY:
        total = [display] if is_present_battery(display) else []
        problem = find_problem(total)
        batteries = batteries if problem else total
    problem = problem or find_problem(batteries)
    reports = [each.get("State") for each in (*system, display) if is_present_battery(each)]
    states = {state for state in reports if isinstance(state, int) and state != UNKNOWN}
    return Supplies(
        batteries=tuple(battery for battery in map(parse_charge, batteries) if battery is not None),
        lines=tuple(lines),
        charging=CHARGING in states,
        discharging=DISCHARGING in states if states else daemon.get("OnBattery") is True,
        problem=problem,
    )


def is_present_battery(device: Mapping[str, Any]) -> bool:
    """Return whether an object is a battery that is in its bay."""
    return device.get("Type") == BATTERY and device.get("IsPresent") is True


def find_problem(batteries: Iterable[Mapping[str, Any]]) -> str:
    """Return why the charge of a battery is unknown, or an empty string."""
    for battery in batteries:
        percentage = battery.get("Percentage")
        if parse_percent(percentage) is None:
            return f"UPower reports a percentage of {percentage!r:.50}"
    return ""


def parse_charge(battery: Mapping[str, Any]) -> BatteryCharge | None:
    """Parse a battery; `None` if its charge is unknown."""
    charge, full = parse_percent(battery.get("Percentage")), battery.get("EnergyFull")
    known = isinstance(full, int | float) and math.isfinite(full)
    return None if charge is None else BatteryCharge(charge, full if known else None)


def is_mains(line: Mapping[str, Any]) -> bool:
    """Return whether a line is a power adapter."""
    kind = line.get(KIND)
    return bool(kind == MAINS if kind else not PORT.search(native_name(line)))


def native_name(device: Mapping[str, Any]) -> str:
    """Return the name of an object's supply in the kernel, or the end of its path."""
    return str(device.get("NativePath", "")).rpartition("/")[2]
