"""Kernel uevents about devices, by raw netlink.

The kernel's own multicast group is used and not udev's, so nothing else has to run; libudev's
form of a message is understood too, because that is what a test bed sends. Only root can send to
the group, and even so nothing in a message is believed: it makes a device read its files again.

Source: netlink(7); the kernel's `kobject_uevent.c` for `action@path` and the key=value strings;
systemd's `sd-device` monitor for the header that begins with `libudev`.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from msgspec import Struct

NETLINK_KOBJECT_UEVENT = 15
KERNEL_GROUP = 1
LARGEST = 64 * 1024
LIBUDEV = b"libudev\0"
LIBUDEV_PROPERTIES = struct.Struct("=8s4xIII")
"""Prefix, magic, size of the header, then offset and length of the properties, host byte order."""


class Uevent(Struct, frozen=True):
    """One thing that has_event to one device."""

    action: str
    """`add`, `change`, `remove`, …"""
    subsystem: str
    path: str
    """Below /sys."""


@contextmanager
def uevents(receive: Callable[[], None], subsystem: str) -> Iterator[None]:
    """Call `receive` on the event loop after each uevent of `subsystem`.

    It is also called when messages were lost. If the kernel or a sandbox refuses the socket, it is
    never called; callers also read their files from time to time.
    """
    loop = asyncio.get_running_loop()

    def read() -> None:
        if has_event(listening, subsystem):
            receive()

    try:
        listening = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
            NETLINK_KOBJECT_UEVENT,
        )
    except OSError:
        yield
        return
    with listening:
        with suppress(OSError):
            listening.bind((0, KERNEL_GROUP))
        loop.add_reader(listening, read)
        try:
            yield
        finally:
            loop.remove_reader(listening)


def has_event(listening: socket.socket, subsystem: str) -> bool:
    """Read all queued messages; return whether one of them is about `subsystem`."""
    found = False
    while True:
        try:
            event = parse_uevent(listening.recv(LARGEST))
        except BlockingIOError:
            return found
        except OSError:  # ENOBUFS: the queue was full and messages were lost
            return True
        found = found or (event is not None and event.subsystem == subsystem)


def parse_uevent(message: bytes) -> Uevent | None:
    """Parse a message; `None` if it is not a uevent."""
    if message.startswith(LIBUDEV):
        if len(message) < LIBUDEV_PROPERTIES.size:
            return None
        _, _, start, length = LIBUDEV_PROPERTIES.unpack_from(message)
        lines = message[start : start + length].split(b"\0")
    else:
        lines = message.split(b"\0")[1:]
    said = {}
    for line in lines:
        key, equals, value = line.partition(b"=")
        if equals:
            said[key] = value.decode(errors="replace")
    try:
        return Uevent(said[b"ACTION"], said[b"SUBSYSTEM"], said[b"DEVPATH"])
    except KeyError:
        return None
