"""The devices of a desk, by name. A device is added by writing its file and a line here."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, get_type_hints

from deskwire.art.artwork import Artwork
from deskwire.devices.backlight import BacklightDevice
from deskwire.devices.battery import BatteryDevice
from deskwire.devices.cpu import CpuDevice
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.device import Device, Roots
from deskwire.devices.disk import DiskDevice
from deskwire.devices.memory import MemoryDevice
from deskwire.devices.network import NetworkDevice
from deskwire.devices.players import PlayersDevice
from deskwire.devices.sound.address import SoundServers
from deskwire.devices.ticker import Ticker
from deskwire.devices.uptime import UptimeDevice
from deskwire.devices.volume import VolumeDevice
from deskwire.devices.wifi import WifiDevice
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds

PERIODIC = frozenset({"memory", "cpu", "network", "uptime", "disk"})
"""Those that are read on the beat; the others say when they changed."""

READINGS = get_type_hints(Snapshot)


def catalogue(
    *,
    roots: Roots,
    every: Seconds,
    disk: Path,
    buses: Buses,
    sound: SoundServers,
    artwork: Artwork,
    disabled: Collection[str] = (),
) -> dict[str, Device[Any]]:
    """Return the devices that are not disabled; their names are the fields of a snapshot."""
    ticker = Ticker(every)
    devices: dict[str, Device[Any]] = {
        "memory": MemoryDevice(roots, ticker),
        "cpu": CpuDevice(roots, ticker),
        "network": NetworkDevice(roots, ticker),
        "uptime": UptimeDevice(roots, ticker),
        "disk": DiskDevice(disk, ticker),
        "players": PlayersDevice(buses, artwork),
        "wifi": WifiDevice(buses, roots),
        "battery": BatteryDevice(buses, roots),
        "volume": VolumeDevice(sound),
        "backlight": BacklightDevice(roots),
    }
    return {name: device for name, device in devices.items() if name not in disabled}
