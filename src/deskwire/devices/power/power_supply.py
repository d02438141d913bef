"""Batteries and chargers as the kernel tells of them; for desks without UPower.

Source: /sys/class/power_supply, Documentation/ABI/testing/sysfs-class-power. `scope` says whether a
supply feeds the whole system or only a device such as a mouse. `capacity` is the driver's own
percentage, so one battery needs no sum; several are weighted by the energy they hold when full
(`energy_full`, or `charge_full` times the voltage), or alike where one of them does not say.
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


class Cell(Struct, frozen=True):
    """One system battery."""

    charge: float
    """Percent."""
    full: float | None
    """Energy it holds when full; only the ratio to other cells' means something."""


def read_battery(sys: Path) -> Battery | None:
    """Read the state of all system batteries together, `None` without one.

    Drivers ask firmware, which may take tens of milliseconds: not for the event loop.
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
        [cell for cell in map(parse_cell, batteries) if cell is not None],
        [online > 0 for online in lines if online is not None],  # 2: its voltage can be set
        on_battery=any(supply.get("status") == "Discharging" for supply in batteries),
    )


def parse_cell(said: Mapping[str, str]) -> Cell | None:
    """Return a battery, or `None` if the bay is empty or no charge is known."""
    values = {name: number(said.get(name)) for name in ATTRIBUTES}
    charge: float | None = values["capacity"]
    for now, full in (("energy_now", "energy_full"), ("charge_now", "charge_full")):
        has, holds = values[now], values[full]
        if charge is None and has is not None and holds:
            charge = 100 * has / holds
    if values["present"] == 0 or charge is None:
        return None
    return Cell(min(max(charge, 0), 100), energy(values))


def energy(values: Mapping[str, int | None]) -> float | None:
    """Return what a battery holds when full, in µWh, or `None` if it is not known."""
    if values["energy_full"]:
        return values["energy_full"]
    voltage = values["voltage_min_design"] or values["voltage_now"]
    if values["charge_full"] and voltage:
        return values["charge_full"] * voltage / 1e6
    return None


def combine(cells: Sequence[Cell], lines: Sequence[bool], *, on_battery: bool) -> Battery | None:
    """Return all batteries as one: weighted by energy, whole percent, halves rounded up.

    Plugged in means that one of the lines is online; where there is no line, that no battery is
    being used up.
    """
    if not cells:
        return None
    weights = [cell.full for cell in cells if cell.full is not None and cell.full > 0]
    if len(weights) < len(cells):
        weights = [1.0] * len(cells)
    held = sum(weight * cell.charge for weight, cell in zip(weights, cells, strict=True))
    return Battery(
        charge=Percent(math.floor(held / sum(weights) + 0.5)),
        plugged_in=any(lines) if lines else not on_battery,
    )
