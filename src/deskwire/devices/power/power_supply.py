"""Batteries and chargers as reported by the kernel, for desks without UPower.

Source: /sys/class/power_supply, Documentation/ABI/testing/sysfs-class-power. `scope` says whether a
supply feeds the system or only a device such as a mouse. `capacity` is the driver's percentage.
Several batteries are weighted by their energy when full (`energy_full`, or `charge_full` times the
voltage), or equally if one value is missing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from deskwire.devices.kernel.sysfs import devices, number, read_attributes
from deskwire.model.readings import Battery
from deskwire.model.units import Percent

SUBSYSTEM = "power_supply"
ATTRIBUTES = (
    *("type", "scope", "present", "online", "status", "capacity"),
    *("energy_now", "energy_full", "charge_now", "charge_full"),
    *("voltage_min_design", "voltage_now"),
)


class BatteryCharge(Struct, frozen=True):
    """One system battery."""

    charge: float
    """Percent."""
    full: float | None
    """Energy when full, in any unit; only the ratio between batteries matters."""


def read_battery(sys: Path) -> Battery | None:
    """Read the state of all system batteries together, `None` without one.

    Blocks for tens of milliseconds, because drivers ask the firmware.
    """
    return parse_battery(
        [read_attributes(device, ATTRIBUTES) for device in devices(sys, SUBSYSTEM)]
    )


def parse_battery(supplies: Iterable[Mapping[str, str]]) -> Battery | None:
    """Return the state of all system batteries together, from the files of each supply."""
    system = [supply for supply in supplies if supply.get("scope") != "Device"]
    batteries = [supply for supply in system if supply.get("type") == "Battery"]
    lines = [
        number(supply.get("online"))
        for supply in system
        if supply.get("type", "UPS") not in {"Battery", "UPS"}
    ]
    return combine(
        [battery for battery in map(parse_cell, batteries) if battery is not None],
        [
            online > 0 for online in lines if online is not None
        ],  # 2 means online with a programmable voltage
        on_battery=any(supply.get("status") == "Discharging" for supply in batteries),
    )


def parse_cell(said: Mapping[str, str]) -> BatteryCharge | None:
    """Parse one battery; `None` if the bay is empty or the charge is unknown."""
    values = {name: number(said.get(name)) for name in ATTRIBUTES}
    charge: float | None = values["capacity"]
    for now, full in (("energy_now", "energy_full"), ("charge_now", "charge_full")):
        has, holds = values[now], values[full]
        if charge is None and has is not None and holds:
            charge = 100 * has / holds
    if values["present"] == 0 or charge is None:
        return None
    return BatteryCharge(min(max(charge, 0), 100), energy(values))


def energy(values: Mapping[str, int | None]) -> float | None:
    """Return a battery's energy when full, in µWh, or `None` if unknown."""
    if values["energy_full"]:
        return values["energy_full"]
    voltage = values["voltage_min_design"] or values["voltage_now"]
    if values["charge_full"] and voltage:
        return values["charge_full"] * voltage / 1e6
    return None


def combine(
    batteries: Sequence[BatteryCharge], lines: Sequence[bool], *, on_battery: bool
) -> Battery | None:
    """Combine batteries, weighted by energy, into whole percent, with halves rounded up.

    Plugged in means that a mains line is online or, without any line, that no battery discharges.
    """
    if not batteries:
        return None
    weights = [
        battery.full for battery in batteries if battery.full is not None and battery.full > 0
    ]
    if len(weights) < len(batteries):
        weights = [1.0] * len(batteries)
    held = sum(weight * battery.charge for weight, battery in zip(weights, batteries, strict=True))
    return Battery(
        charge=Percent(math.floor(held / sum(weights) + 0.5)),
        plugged_in=any(lines) if lines else not on_battery,
    )
