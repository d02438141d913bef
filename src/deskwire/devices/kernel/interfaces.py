"""Selection of the network interfaces whose traffic leaves this machine.

An interface counts if it has hardware: /sys/class/net/NAME/device, the kernel's link to the PCI,
USB, virtio or bluetooth device (sysfs-class-net). Bridges, tunnels, bonds, VLANs, containers' ends
and loopback have none; their outside traffic also passes an interface with hardware.

In a container or a network namespace no interface has hardware. There an interface counts if it is
Ethernet, is not stacked on another interface, and does not have a name of such interfaces.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

ETHERNET = b"1"
"""ARPHRD_ETHER, linux/if_arp.h; loopback and tunnels have other numbers."""

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


def real_interfaces(names: Iterable[str], sys: Path) -> frozenset[str]:
    """Return the names of the interfaces to count; `sys` is the mount point of sysfs."""
    listed = frozenset(names)
    folder = sys / "class/net"
    with_hardware = frozenset(name for name in listed if has_hardware(folder / name))
    return with_hardware or frozenset(name for name in listed if is_container_uplink(folder / name))


def has_hardware(interface: Path) -> bool:
    """Return whether the interface's directory in sysfs links to a device."""
    return _exists(interface / "device")


def is_container_uplink(interface: Path) -> bool:
    """Return whether an interface without hardware may be the uplink of a container."""
    if interface.name.startswith(NAMES_OF_VIRTUAL) or _exists(interface / "tun_flags"):
        return False
    kind = _read(interface / "type").strip()
    lines = _read(interface / "uevent").splitlines()
    stacked = any(line.removeprefix(b"DEVTYPE=") in STACKED for line in lines)
    return kind in {ETHERNET, b""} and not stacked


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
