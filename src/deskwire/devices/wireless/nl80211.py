"""Wireless adapters as reported by the kernel (nl80211), for desks without a network service.

The SSID of the interface itself is unreliable: it is set while the interface still scans, and
missing if wpa_supplicant joined the network. So the SSID comes from the scan results, in which the
kernel marks the joined network. The multicast groups `mlme` and `config` announce changes; the
controller's group announces the family itself, when the first adapter's module is loaded. An
ordinary user may do all of this.

Source: linux/nl80211.h. A driver may answer slowly, so requests run in a thread.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from deskwire.devices.kernel.kernel_file import Roots
from deskwire.devices.kernel.netlink import (
    CONTROLLER,
    GENERIC_HEADER,
    RECEIVE,
    NetlinkSocket,
    decode_attributes,
    decode_number,
    decode_text,
    encode_attribute,
    join,
    open_socket,
)
from deskwire.devices.wireless.adapters import Adapter, readable
from deskwire.model.problems import DeviceUnavailable

FAMILY = "nl80211"
GROUPS = ("mlme", "config")
GET_INTERFACE, GET_SCAN = 5, 32
INTERFACE_INDEX, INTERFACE_NAME, INTERFACE_TYPE, BSS = 3, 4, 5, 47
BSS_ELEMENTS, BSS_STATUS, BSS_BEACON = 6, 9, 11
AD_HOC, STATION = 1, 2
JOINING = frozenset({AD_HOC, STATION})
"""Types of interface that join a network; the others, such as access points, provide one."""
JOINED = frozenset({1, 2})
"""Status values of a joined network.

Associated with an access point, or member of an ad hoc network.
"""
SSID_ELEMENT = 0


class Interface(NamedTuple):
    """One wireless network interface."""

    number: bytes
    """Interface index, encoded as the kernel sent it."""
    name: str
    kind: int


class KernelAdapters:
    """Adapters of the kernel; `changed` is called after the first read whenever they may differ."""

    def __init__(self, roots: Roots, changed: Callable[[], None]) -> None:
        self._roots = roots
        self._changed = changed
        self._events: socket.socket | None = None

    async def adapters(self) -> list[Adapter]:
        """Return the adapters, in no order, and subscribe to changes.

        Raises `DeviceUnavailable` if adapters exist and the kernel refuses the request.
        """
        try:
            return await asyncio.to_thread(read_adapters, self._listen())
        except OSError as problem:
            if not await asyncio.to_thread(has_adapter, self._roots):
                return []
            raise DeviceUnavailable(
                f"cannot read the wireless adapters from the kernel: {problem}",
                remedy="allow AF_NETLINK sockets in the unit, or run NetworkManager or iwd",
            ) from problem

    def close(self) -> None:
        """Stop receiving events."""
        if self._events is not None:
            asyncio.get_running_loop().remove_reader(self._events)
            self._events.close()
            self._events = None

    def _listen(self) -> socket.socket:
        if self._events is None:
            self._events = open_socket()
            self._events.setblocking(False)
            asyncio.get_running_loop().add_reader(self._events, self._drain, self._events)
        return self._events

    def _drain(self, events: socket.socket) -> None:
        # ENOBUFS means that events were lost, which also requires a new read.
        with suppress(OSError):
            while events.recv(RECEIVE):
                pass
        self._changed()


def read_adapters(events: socket.socket) -> list[Adapter]:
    """Read the adapters, after subscribing `events` to changes; blocks."""
    with NetlinkSocket() as kernel:
        join(events, CONTROLLER)
        family = kernel.family(FAMILY)
        if family is None:
            return []
        for name in GROUPS:
            join(events, family.groups[name])
        interfaces = parse_interfaces(kernel.dump(family.id, GET_INTERFACE))
        return [
            make_adapter(interface, read_network(kernel, family.id, interface))
            for interface in interfaces
        ]


def read_network(kernel: NetlinkSocket, family: int, interface: Interface) -> bytes | None:
    """Return the SSID of the network that an interface has joined, or `None`."""
    if interface.kind not in JOINING:
        return None
    try:
        index = encode_attribute(INTERFACE_INDEX, interface.number)
        return parse_network(kernel.dump(family, GET_SCAN, index))
    except OSError as problem:
        if problem.errno == errno.ENODEV:  # removed since the list was read
            return None
        raise


def parse_interfaces(payloads: Iterable[bytes]) -> list[Interface]:
    """Parse the replies to GET_INTERFACE.

    P2P devices, which are not network interfaces, are left out.
    """
    found = []
    for payload in payloads:
        attributes = decode_attributes(payload[GENERIC_HEADER.size :])
        if INTERFACE_INDEX in attributes and INTERFACE_NAME in attributes:
            found.append(
                Interface(
                    number=attributes[INTERFACE_INDEX],
                    name=decode_text(attributes[INTERFACE_NAME]),
                    kind=decode_number(attributes.get(INTERFACE_TYPE, b"")),
                )
            )
    return found


def parse_network(payloads: Iterable[bytes]) -> bytes | None:
    """Parse the replies to GET_SCAN; return the SSID of the joined network, or `None`.

    The beacons of a hidden network contain an empty SSID or zeros; its probe response has the name.
    """
    for payload in payloads:
        attributes = decode_attributes(payload[GENERIC_HEADER.size :])
        network = decode_attributes(attributes.get(BSS, b""))
        if BSS_STATUS in network and decode_number(network[BSS_STATUS]) in JOINED:
            answered, beacon = network.get(BSS_ELEMENTS, b""), network.get(BSS_BEACON, b"")
            return parse_ssid(answered) or parse_ssid(beacon)
    return None


def parse_ssid(elements: bytes) -> bytes:
    """Find the SSID in information elements (IEEE 802.11, 9.4.2); empty if it is hidden."""
    at = 0
    while at + 2 <= len(elements):
        kind, length = elements[at], elements[at + 1]
        if kind == SSID_ELEMENT:
            return elements[at + 2 : at + 2 + length].strip(b"\0")
        at += 2 + length
    return b""


def make_adapter(interface: Interface, network: bytes | None) -> Adapter:
    """Return the adapter for an interface and its network."""
    return Adapter(interface.name, network is not None, readable(network or b""))


def has_adapter(roots: Roots) -> bool:
    """Return whether sysfs lists a wireless adapter."""
    try:
        return any((roots.sys / "class/ieee80211").iterdir())
    except OSError:
        return False
