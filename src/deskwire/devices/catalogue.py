"""Catalogue of the devices; to add a device, write its file and add a line here.

The devices are imported when they are needed, because the settings need their names only.
"""

from collections.abc import Collection
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deskwire.devices.device import Device, Resources

DEVICES = {
    "memory": "MemoryDevice",
    "cpu": "CpuDevice",
    "network": "NetworkDevice",
    "uptime": "UptimeDevice",
    "disk": "DiskDevice",
    "players": "PlayersDevice",
    "wifi": "WifiDevice",
    "battery": "BatteryDevice",
    "volume": "VolumeDevice",
    "backlight": "BacklightDevice",
    "session": "SessionDevice",
}
"""Topic and class of each device; the topic is also the name of its file."""


def device_class(name: str) -> "type[Device[Any]]":
    """Return the class of a device by its topic."""
    found: type[Device[Any]] = getattr(import_module(f"deskwire.devices.{name}"), DEVICES[name])
    return found


def create_devices(
    resources: "Resources", disabled: Collection[str] = ()
) -> "dict[str, Device[Any]]":
    """Return the devices that are not disabled, by topic."""
    return {name: device_class(name)(resources) for name in DEVICES if name not in disabled}
