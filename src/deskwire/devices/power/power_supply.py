"""Batteries and chargers as reported by the kernel, and the conclusions from any such report.

Source: /sys/class/power_supply, Documentation/ABI/testing/sysfs-class-power. `scope` says whether a
supply feeds the system or only a device such as a mouse. `capacity` is the driver's percentage.
Several batteries are weighted by their energy when full (`energy_full`, or `charge_full` times the
voltage), or equally if one value is missing.

There are two kinds of evidence for the plug, and each may be wrong. Some chargers have no driver,
and some USB ports report online although nothing is plugged in. A battery's status is right, but
follows the plug only after seconds.

| batteries | mains | plugged in |
|---|---|---|
| one is charging | any | yes, unless the last line went offline a moment ago |
| one is discharging | all offline | no, even if a USB port is online |
| otherwise | any | yes if a line is online or, without any line, if no battery is discharging |
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

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
MAINS = "Mains"
LOWEST, HIGHEST = -5.0, 120.0
"""Percentages of badly calibrated batteries; beyond these a number is no percentage."""
MOST_ENERGY = 1e15
"""Largest energy, in any unit, that can be that of a battery."""


class BatteryCharge(Struct, frozen=True):
    """One system battery."""

    charge: float
    """Percent."""
    full: float | None
    """Energy when full, in any unit; only the ratio between batteries matters."""


class Line(NamedTuple):
    """One supply that is not a battery."""

    online: bool
    mains: bool
    """Whether it is a power adapter, and not a USB port or a wireless charger."""


class Supplies(Struct, frozen=True):
    """State of all supplies of the system."""

    batteries: tuple[BatteryCharge, ...]
    lines: tuple[Line, ...]
    charging: bool
    """Whether a battery reports that it is charging."""
    discharging: bool
    problem: str = ""
    """Reason why the charge of a battery is unknown."""

    @property
    def online(self) -> bool:
        """Whether a line is online."""
        return any(line.online for line in self.lines)

    def reading(self, *, just_unplugged: bool = False) -> Battery | None:
        """Combine the batteries, weighted by energy, into whole percent, with halves rounded up.

        `just_unplugged` means that the last line went offline a moment ago.
        """
        if not self.batteries:
            return None
        full = [battery.full for battery in self.batteries]
        known = [weight for weight in full if weight is not None and 0 < weight < MOST_ENERGY]
        weights = known if len(known) == len(full) else [1.0] * len(full)
        held = sum(
            weight * battery.charge for weight, battery in zip(weights, self.batteries, strict=True)
        )
        return Battery(
            charge=Percent(math.floor(held / sum(weights) + 0.5)),
            plugged_in=self._is_plugged_in(just_unplugged=just_unplugged),
        )

    def _is_plugged_in(self, *, just_unplugged: bool) -> bool:
        if self.charging and not just_unplugged:
            return True
        mains = [line.online for line in self.lines if line.mains]
        if self.discharging and mains and not any(mains):
            return False
        return self.online if self.lines else not self.discharging


def read_supplies(sys: Path) -> Supplies:
    """Read the state of all supplies.

    Blocks for tens of milliseconds, because drivers ask the firmware.
    """
    return parse_supplies(
        [read_attributes(device, ATTRIBUTES) for device in devices(sys, SUBSYSTEM)]
    )


def parse_supplies(supplies: Iterable[Mapping[str, str]]) -> Supplies:
    """Parse the files of each supply."""
    system = [supply for supply in supplies if supply.get("scope") != "Device"]
    batteries = [
        supply
        for supply in system
        if supply.get("type") == "Battery" and number(supply.get("present")) != 0
    ]
    lines = []
    for supply in system:
        kind, online = supply.get("type", "UPS"), number(supply.get("online"))
        if kind not in {"Battery", "UPS"} and online is not None:
            # 2 means online with a programmable voltage
            lines.append(Line(online > 0, kind == MAINS))
    charges = map(parse_charge, batteries)
    states = {supply.get("status") for supply in batteries}
    return Supplies(
        batteries=tuple(charge for charge in charges if charge is not None),
        lines=tuple(lines),
        charging="Charging" in states,
        discharging="Discharging" in states,
    )


def parse_charge(said: Mapping[str, str]) -> BatteryCharge | None:
    """Parse one battery; `None` if the charge is unknown."""
    values = {name: number(said.get(name)) for name in ATTRIBUTES}
    charge = parse_percent(values["capacity"])
    for now, full in (("energy_now", "energy_full"), ("charge_now", "charge_full")):
        has, holds = values[now], values[full]
        if charge is None and has is not None and holds:
            charge = parse_percent(100 * has / holds)
    return None if charge is None else BatteryCharge(charge, parse_energy(values))


def parse_percent(value: object) -> float | None:
    """Return a percentage, cut to 0 to 100; `None` if the value cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(max(value, 0.0), 100.0) if LOWEST <= value <= HIGHEST else None


def parse_energy(values: Mapping[str, int | None]) -> float | None:
    """Return a battery's energy when full, in µWh, or `None` if unknown."""
    if values["energy_full"]:
        return values["energy_full"]
    voltage = values["voltage_min_design"] or values["voltage_now"]
    if values["charge_full"] and voltage:
        return values["charge_full"] * voltage / 1e6
    return None
