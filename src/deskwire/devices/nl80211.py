"""What the kernel itself knows of wireless adapters, where no service speaks for them.

An interface carries its SSID while it is still looking for the network, so connected means that
the access point is in the interface's station table. What changes is told by the multicast groups
`mlme` and `config`, and the coming of the whole family (the first adapter's module is loaded) by
the controller's own; each makes us look again. A plain user may do all of it.

Source: linux/nl80211.h; the driver may take its time to answer, so questions run in a thread.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from deskwire.devices.adapters import Adapter, readable
from deskwire.devices.device import Roots
from deskwire.devices.netlink import (
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
from deskwire.model.problems import DeviceUnavailable

FAMILY = "nl80211"
GROUPS = ("mlme", "config")
GET_INTERFACE, GET_STATION = 5, 17
INTERFACE_INDEX, INTERFACE_NAME, INTERFACE_TYPE, SSID = 3, 4, 5, 52
STATION = 2


class Interface(NamedTuple):
    """One wireless network interface."""

    number: bytes
    """Its index, as the kernel gave it, to be given back."""
    name: str
    kind: int
    ssid: bytes


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
            adapter_of(interface, has_station(kernel, family.id, interface))
            for interface in interfaces
        ]


def has_station(kernel: Conversation, family: int, interface: Interface) -> bool | None:
    """Whether anybody is in the interface's station table; `None` if the driver cannot tell."""
    if interface.kind != STATION:
        return False
    try:
        index = encode_attribute(INTERFACE_INDEX, interface.number)
        return bool(kernel.dump(family, GET_STATION, index))
    except OSError as problem:
        if problem.errno == errno.ENODEV:  # gone since it was listed
            return False
        if problem.errno == errno.EOPNOTSUPP:
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
                    ssid=attributes.get(SSID, b""),
                )
            )
    return found


def adapter_of(interface: Interface, station: bool | None) -> Adapter:
    """Say what an interface shows; one that is itself an access point is not connected.

    Where the driver keeps no station table (`None`), having an SSID has to do.
    """
    connected = interface.kind == STATION and (bool(interface.ssid) if station is None else station)
    return Adapter(interface.name, connected, readable(interface.ssid) if connected else "")


def has_adapter(roots: Roots) -> bool:
    """Whether sysfs lists a wireless adapter at all."""
    try:
        return any((roots.sys / "class/ieee80211").iterdir())
    except OSError:
        return False
