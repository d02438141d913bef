"""Wireless adapters as reported by iwd.

iwd sets `ConnectedNetwork` while it is still connecting, and removes it by invalidation without a
new value. `State` says whether the connection exists. Roaming counts as connected, because the
network stays the same.

Source: iwd's doc/device-api.txt, doc/station-api.txt, doc/network-api.txt.
"""

from deskwire.devices.dbus.objects import Tree
from deskwire.devices.wireless.adapters import Adapter, readable

NAME = "net.connman.iwd"
ROOT = "/"
DEVICE = "net.connman.iwd.Device"
STATION = "net.connman.iwd.Station"
NETWORK = "net.connman.iwd.Network"
INTERFACES = frozenset({DEVICE, STATION, NETWORK})

CONNECTED = frozenset({"connected", "roaming"})


def parse_adapters(tree: Tree) -> list[Adapter]:
    """Return iwd's wireless adapters, in no order.

    A device that is off, or is itself an access point, has no station and is not connected.
    """
    found = []
    for interfaces in tree.values():
        device = interfaces.get(DEVICE)
        if device is None:
            continue
        station = interfaces.get(STATION, {})
        network = tree.get(str(station.get("ConnectedNetwork", "")), {}).get(NETWORK)
        connected = station.get("State") in CONNECTED and network is not None
        ssid = network.get("Name") if connected and network is not None else None
        found.append(
            Adapter(
                name=str(device.get("Name", "")),
                connected=connected,
                ssid=readable(ssid) if isinstance(ssid, str) else "",
            )
        )
    return found
