"""The real upowerd, on a private system bus, over a made-up /sys.

Its desk is a laptop: one battery, `BAT0`, and one charger, `AC`.
"""

import subprocess
from pathlib import Path

from tests.support.buses import PrivateBus
from tests.support.service import Service
from tests.support.testbed import SysTestbed

NAME = "org.freedesktop.UPower"
PROGRAM = next(
    (
        path
        for path in ("/usr/libexec/upowerd", "/usr/lib/upower/upowerd", "/usr/lib/upowerd")
        if Path(path).exists()
    ),
    "upowerd",
)
FULL = 60_000_000
"""What a battery of `add_battery` holds, in µWh."""


class UPowerDaemon(Service):
    """One upowerd; entering waits until it is on the bus."""

    def __init__(self, bus: PrivateBus, bed: SysTestbed) -> None:
        super().__init__("upower-")
        self._bus = bus
        self._bed = bed

    def start(self) -> None:
        """Start the daemon and wait until it is on the bus."""
        self._process = subprocess.Popen(
            [PROGRAM],
            env=self.env(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._bus.wait_for(NAME)

    def env(self) -> dict[str, str]:
        """Return the environment that upowerd needs here."""
        return {**self._bed.env(self._bus.env()), "UPOWER_HISTORY_DIR": str(self._folder)}


def add_battery(bed: SysTestbed, name: str = "BAT0", percent: int = 80) -> str:
    """Add a system battery that is being used up."""
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
    """Fill a battery to so many percent and say so."""
    bed.change(battery, capacity=percent, energy_now=FULL * percent // 100)


def add_charger(bed: SysTestbed, *, online: bool = False) -> str:
    """Add the charger."""
    return bed.add(
        "power_supply", "AC", {"POWER_SUPPLY_NAME": "AC"}, type="Mains", online=int(online)
    )


def add_mouse(bed: SysTestbed, percent: int = 33) -> str:
    """Add a wireless mouse's battery."""
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
