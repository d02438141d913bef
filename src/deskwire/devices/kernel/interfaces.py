"""Selection of the network interfaces whose traffic leaves this machine.

An interface counts if it has hardware: /sys/class/net/NAME/device, the kernel's link to the PCI,
USB, virtio or bluetooth device (sysfs-class-net). Bridges, tunnels, bonds, VLANs, containers' ends
and loopback have none; their outside traffic also passes an interface with hardware.

Of several interfaces that see the same bytes, one counts: not the ports of a switch (DSA) beside
their uplink, and not an interface whose master has hardware too, like the virtual function beside
its netvsc. Monitors of a radio, CAN and other networks without IP are left out.

In a container or a network namespace no interface has hardware. There an interface counts if it is
Ethernet, is not stacked on another interface, and does not have a name of such interfaces.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

ETHERNET = b"1"
"""ARPHRD_ETHER, linux/if_arp.h; loopback and tunnels have other numbers."""

NOT_IP = frozenset(
    str(number).encode() for number in (280, *range(801, 806), *range(820, 823), 824, 826)
)
"""ARPHRD numbers of CAN, radio and netlink monitors, IEEE 802.15.4, Phonet and CAIF."""

STACKED = {
    b"bond",
    b"bridge",
    b"dsa",
    b"hsr",
    b"ppp",
    b"team",
    b"vlan",
    b"vrf",
    b"vxlan",
    b"wireguard",
}
"""DEVTYPE in an interface's uevent if it is stacked on others."""

NAMES_OF_VIRTUAL = (
    "br-",
    "docker",
    "dummy",
    "ifb",
    "lo",
    "lxcbr",
    "lxdbr",
    "tailscale",
    "tap",
    "tun",
    "vboxnet",
    "veth",
    "virbr",
    "vmnet",
    "vnet",
    "wg",
    "zt",
)


def real_interfaces(names: Iterable[str], sys: Path) -> dict[str, int | None]:
    """Return the interfaces to count, by name with their index; `sys` is the mount of sysfs.

    An index belongs to one interface until that is removed, whatever its name. It is `None` where
    sysfs does not tell it.
    """
    listed = frozenset(names)
    folder = sys / "class/net"
    found = {name for name in listed if has_hardware(folder / name)}
    found = found or {name for name in listed if is_container_uplink(folder / name)}
    indexes = {name: index_of(folder / name) for name in found}
    counted = {index for index in indexes.values() if index is not None}
    return {
        name: index
        for name, index in indexes.items()
        if index_of(folder / name / "master") not in counted
    }


def has_hardware(interface: Path) -> bool:
    """Return whether an interface has hardware of its own and may carry IP."""
    if not _exists(interface / "device"):
        return False
    return _read(interface / "type").strip() not in NOT_IP and b"dsa" not in _kinds(interface)


def index_of(interface: Path) -> int | None:
    """Return the index of an interface (`ifindex`)."""
    digits = _read(interface / "ifindex").strip()
    return int(digits) if digits.isdigit() else None


def is_container_uplink(interface: Path) -> bool:
    """Return whether an interface without hardware may be the uplink of a container."""
    if interface.name.startswith(NAMES_OF_VIRTUAL) or _exists(interface / "tun_flags"):
        return False
    kind = _read(interface / "type").strip()
    return kind in {ETHERNET, b""} and STACKED.isdisjoint(_kinds(interface))


def _kinds(interface: Path) -> set[bytes]:
    """Return the values of DEVTYPE in the interface's uevent."""
    lines = _read(interface / "uevent").splitlines()
    return {line.removeprefix(b"DEVTYPE=") for line in lines if line.startswith(b"DEVTYPE=")}


def _exists(path: Path) -> bool:
    with suppress(OSError):
        os.close(os.open(path, os.O_PATH | os.O_CLOEXEC))
        return True
    return False


def _read(path: Path) -> bytes:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, 4096, 0)
        finally:
            os.close(descriptor)
    return b""
