"""What the kernel itself knows of wireless adapters, where no service speaks for them.

What an interface says of itself will not do: it names a network while still looking for it, and
names none where wpa_supplicant joined it. So the network is looked for in what was last heard on
the air, where the kernel marks the one that is joined. What changes is told by the multicast
groups `mlme` and `config`, and the coming of the whole family (the first adapter's module is
loaded) by the controller's own; each makes us look again. A plain user may do all of it.

Source: linux/nl80211.h; the driver may take its time to answer, so questions run in a thread.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from deskwire.devices.device import Roots
from deskwire.devices.kernel.netlink import (
    CONTROLLER,
    GENERIC_HEADER,
    RECEIVE,
    Conversation,
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
"""Kinds of interface that join a network; the others, access points above all, make one."""
JOINED = frozenset({1, 2})
"""Statuses of a network: associated with its access point, or a member of it (ad hoc)."""
SSID_ELEMENT = 0


class Interface(NamedTuple):
    """One wireless network interface."""

    number: bytes
    """Its index, as the kernel gave it, to be given back."""
    name: str
    kind: int


class Kernel:
    """The kernel's adapters; `changed` is called whenever they may differ, after a first look."""

    def __init__(self, roots: Roots, changed: Callable[[], None]) -> None:
        self._roots = roots
        self._changed = changed
        self._events: socket.socket | None = None

    async def adapters(self) -> list[Adapter]:
        """Return the adapters, in no order, and listen for changes from then on.

        Raises `DeviceUnavailable` where there are adapters and the kernel may not be asked.
        """
        try:
            return await asyncio.to_thread(read_adapters, self._listen())
        except OSError as problem:
            if not await asyncio.to_thread(has_adapter, self._roots):
                return []
            raise DeviceUnavailable(
                f"the kernel does not tell of its wireless adapters: {problem}",
                remedy="let the service use AF_NETLINK sockets, or run NetworkManager or iwd",
            ) from problem

    def close(self) -> None:
        """Stop listening."""
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
        # ENOBUFS says that events were lost: one more reason to look again.
        with suppress(OSError):
            while events.recv(RECEIVE):
                pass
        self._changed()


def read_adapters(events: socket.socket) -> list[Adapter]:
    """Ask the kernel, and let `events` hear of changes from before the answer; blocks."""
    with Conversation() as kernel:
        join(events, CONTROLLER)
        family = kernel.family(FAMILY)
        if family is None:
            return []
        for name in GROUPS:
            join(events, family.groups[name])
        interfaces = parse_interfaces(kernel.dump(family.id, GET_INTERFACE))
        return [
            adapter_of(interface, read_network(kernel, family.id, interface))
            for interface in interfaces
        ]


def read_network(kernel: Conversation, family: int, interface: Interface) -> bytes | None:
    """Return the SSID of the network an interface is in, `None` if it is in none."""
    if interface.kind not in JOINING:
        return None
    try:
        index = encode_attribute(INTERFACE_INDEX, interface.number)
        return parse_network(kernel.dump(family, GET_SCAN, index))
    except OSError as problem:
        if problem.errno == errno.ENODEV:  # gone since it was listed
            return None
        raise


def parse_interfaces(payloads: Iterable[bytes]) -> list[Interface]:
    """Read the answers to GET_INTERFACE; a P2P device, no network interface, is left out."""
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
    """Read the answers to GET_SCAN: the SSID of the network that is joined, if one is.

    A hidden network's beacons hold an empty SSID or one of zeros; its answer to a probe the true.
    """
    for payload in payloads:
        attributes = decode_attributes(payload[GENERIC_HEADER.size :])
        network = decode_attributes(attributes.get(BSS, b""))
        if BSS_STATUS in network and decode_number(network[BSS_STATUS]) in JOINED:
            answered, beacon = network.get(BSS_ELEMENTS, b""), network.get(BSS_BEACON, b"")
            return parse_ssid(answered) or parse_ssid(beacon)
    return None


def parse_ssid(elements: bytes) -> bytes:
    """Find the SSID among information elements (IEEE 802.11, 9.4.2); empty where it is hidden."""
    at = 0
    while at + 2 <= len(elements):
        kind, length = elements[at], elements[at + 1]
        if kind == SSID_ELEMENT:
            return elements[at + 2 : at + 2 + length].strip(b"\0")
        at += 2 + length
    return b""


def adapter_of(interface: Interface, network: bytes | None) -> Adapter:
    """Say what an interface shows that is in this network, or in none."""
    return Adapter(interface.name, network is not None, readable(network or b""))


def has_adapter(roots: Roots) -> bool:
    """Whether sysfs lists a wireless adapter at all."""
    try:
        return any((roots.sys / "class/ieee80211").iterdir())
    except OSError:
        return False
