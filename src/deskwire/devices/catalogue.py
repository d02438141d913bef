"""The devices of a desk, by name. A device is added by writing its file and a line here."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from deskwire.art.artwork import Artwork
from deskwire.devices.backlight import BacklightSource
from deskwire.devices.battery import BatterySource
from deskwire.devices.cpu import CpuSource
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.device import Roots, Source
from deskwire.devices.disk import DiskSource
from deskwire.devices.memory import MemorySource
from deskwire.devices.network import NetworkSource
from deskwire.devices.players import Players
from deskwire.devices.sound.address import SoundServers
from deskwire.devices.ticker import Beat
from deskwire.devices.uptime import UptimeSource
from deskwire.devices.volume import VolumeSource
from deskwire.devices.wifi import WifiSource
from deskwire.model.units import Seconds

PERIODIC = frozenset({"memory", "cpu", "network", "uptime", "disk"})
"""Those that are read on the beat; the others say when they changed."""


def catalogue(
    *,
    roots: Roots,
    every: Seconds,
    disk: Path,
    buses: Buses,
    sound: SoundServers,
    artwork: Artwork,
    disabled: Collection[str] = (),
) -> dict[str, Source[Any]]:
    """Return the devices that are not disabled; their names are the fields of a snapshot."""
    beat = Beat(every)
    devices: dict[str, Source[Any]] = {
        "memory": MemorySource(roots, beat),
        "cpu": CpuSource(roots, beat),
        "network": NetworkSource(roots, beat),
        "uptime": UptimeSource(roots, beat),
        "disk": DiskSource(disk, beat),
        "players": Players(buses, artwork),
        "wifi": WifiSource(buses, roots),
        "battery": BatterySource(buses, roots),
        "volume": VolumeSource(sound),
        "backlight": BacklightSource(roots),
    }
    return {name: device for name, device in devices.items() if name not in disabled}
