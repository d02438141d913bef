"""Wireless adapters as reported by NetworkManager.

Connected means State 100 (activated) together with an access point. The access point and its SSID
are set long before the connection exists, and State stays 100 for seconds after the access point
has disappeared.

Source: NetworkManager's D-Bus reference (Device, Device.Wireless, AccessPoint; NMDeviceState,
NMDeviceType, NM80211Mode).
"""

from typing import Any

from deskwire.devices.dbus.objects import Tree
from deskwire.devices.wireless.adapters import Adapter, readable

NAME = "org.freedesktop.NetworkManager"
ROOT = "/org/freedesktop"
DEVICE = "org.freedesktop.NetworkManager.Device"
WIRELESS = "org.freedesktop.NetworkManager.Device.Wireless"
ACCESS_POINT = "org.freedesktop.NetworkManager.AccessPoint"
INTERFACES = frozenset({DEVICE, WIRELESS, ACCESS_POINT})

UNMANAGED = 10
ACTIVATED = 100
WIFI_DEVICE = 2
MODE_ACCESS_POINT = 3


def parse_adapters(tree: Tree) -> list[Adapter]:
    """Return the wireless adapters that NetworkManager manages, in no order.

    Unmanaged adapters are left out. A hotspot, which is itself an access point, is included and not
    connected.
    """
    found = []
    for interfaces in tree.values():
        device, wireless = interfaces.get(DEVICE), interfaces.get(WIRELESS)
        if device is None or wireless is None or device.get("DeviceType") != WIFI_DEVICE:
            continue
        state = device.get("State")
        if not isinstance(state, int) or state <= UNMANAGED:
            continue
        ssid = ssid_of(tree, wireless.get("ActiveAccessPoint"))
        connected = (
            state == ACTIVATED and ssid is not None and wireless.get("Mode") != MODE_ACCESS_POINT
        )
        found.append(
            Adapter(
                name=str(device.get("Interface", "")),
                connected=connected,
                ssid=ssid if connected and ssid is not None else "",
            )
        )
    return found


def ssid_of(tree: Tree, access_point: Any) -> str | None:
    """Return the access point's SSID, or `None` if there is no such access point."""
    if not isinstance(access_point, str):
        return None
    properties = tree.get(access_point, {}).get(ACCESS_POINT)
    if properties is None:
        return None
    ssid = properties.get("Ssid", b"")
    return readable(ssid) if isinstance(ssid, bytes) else ""
