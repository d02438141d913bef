"""The real upowerd on a private system bus, with a made-up /sys.

The machine is a laptop with one battery, `BAT0`, and one charger, `AC`.
"""

from pathlib import Path

from tests.support.buses import PrivateBus
from tests.support.processes import Program, start_silent
from tests.support.testbed import SysTestbed

NAME = "org.freedesktop.UPower"
PLACES = ("/usr/libexec/upowerd", "/usr/lib/upower/upowerd", "/usr/lib/upowerd")
PROGRAM = next((path for path in PLACES if Path(path).exists()), "upowerd")
FULL = 60_000_000
"""Capacity of a battery in µWh."""


class UPowerDaemon(Program):
    """One upowerd; entering waits until it is on the bus."""

    def __init__(self, bus: PrivateBus, bed: SysTestbed) -> None:
        super().__init__("upower")
        self._bus = bus
        self._bed = bed

    def start(self) -> None:
        self.process = start_silent([PROGRAM], self.env())
        self._bus.wait_for(NAME)

    def env(self) -> dict[str, str]:
        """Return the environment that upowerd needs."""
        return {**self._bed.env(self._bus.env()), "UPOWER_HISTORY_DIR": str(self.folder)}


def add_battery(bed: SysTestbed, name: str = "BAT0", percent: int = 80) -> str:
    """Add a system battery that is discharging."""
    return bed.add(
        "power_supply",
        name,
        {"POWER_SUPPLY_NAME": name},
        type="Battery",
        scope="System",
        present=1,
        status="Discharging",
        energy_full=FULL,
        energy_full_design=FULL,
        energy_now=FULL * percent // 100,
        voltage_now=12_000_000,
        power_now=10_000_000,
        capacity=percent,
        technology="Li-ion",
    )


def set_charge(bed: SysTestbed, battery: str, percent: int) -> None:
    """Set the charge of a battery and announce it."""
    bed.change(battery, capacity=percent, energy_now=FULL * percent // 100)


def add_charger(bed: SysTestbed, *, online: bool = False) -> str:
    name = {"POWER_SUPPLY_NAME": "AC"}
    return bed.add("power_supply", "AC", name, type="Mains", online=int(online))


def add_mouse(bed: SysTestbed, percent: int = 33) -> str:
    """Add the battery of a wireless mouse."""
    return bed.add(
        "power_supply",
        "hidpp_battery_0",
        {"POWER_SUPPLY_NAME": "hidpp_battery_0"},
        type="Battery",
        scope="Device",
        present=1,
        status="Discharging",
        capacity=percent,
        model_name="Wireless Mouse",
    )
