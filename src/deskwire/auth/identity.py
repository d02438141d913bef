"""Identifiers of a desk, of a boot, and of the network that a client comes from.

The desk and boot IDs are derived like those of sd_id128_get_machine_app_specific(3): HMAC-SHA256
over a constant, with the ID of the machine or the boot as the key. They are stable, do not reveal
the raw ID, and differ from those that another program derives. A desk is the session of one user:
two users of one machine have two desks.
"""

import hmac
import secrets
import string
from functools import lru_cache
from ipaddress import IPv6Network, ip_address
from pathlib import Path
from uuid import UUID, uuid5

MACHINE_ID = Path("/etc/machine-id")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

DESK_NAMESPACE = UUID("15b72cb0-2f23-45f9-bbe8-da237a3690e7")
BOOT_NAMESPACE = UUID("a6d7d90e-4da6-4ab3-9ae3-0bb59fd1b8f8")

IPV6_PREFIX = 64


def desk_id(machine_id: bytes, uid: int) -> UUID:
    """Return the ID of the desk of one user, by user ID, on one machine."""
    return derive(machine_id, uuid5(DESK_NAMESPACE, str(uid)))


def read_machine_id(path: Path = MACHINE_ID) -> bytes | None:
    """Return the 16 bytes of machine-id(5), or `None` if the machine has none."""
    digits = read_text(path).strip()
    if len(digits) != 32 or not set(digits) <= set(string.hexdigits) or not int(digits, 16):
        return None
    return bytes.fromhex(digits)


def read_boot_id(path: Path = BOOT_ID) -> str:
    """Return an ID of this boot, derived from random(4); a new one if it cannot be read."""
    try:
        boot = UUID(read_text(path).strip()).bytes
    except ValueError:
        boot = secrets.token_bytes(16)
    return derive(boot, BOOT_NAMESPACE).hex


def derive(secret_id: bytes, constant: UUID) -> UUID:
    """Derive an ID that does not reveal `secret_id`."""
    return UUID(bytes=hmac.digest(secret_id, constant.bytes, "sha256")[:16], version=4)


def read_text(path: Path) -> str:
    """Return the content of a small file, or an empty string if it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def client_address(address: str) -> str:
    """Return the usual spelling of a client's address; other text is returned unchanged.

    IPv4 mapped into IPv6 is IPv4, and a link-local address has no zone.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str((found.version == 6 and found.ipv4_mapped) or found)


@lru_cache(maxsize=64)  # a login asks for the same address three times
def client_network(address: str) -> str:
    """Return the network that a client's address belongs to; other text is returned unchanged.

    A household has an IPv6 /64 or more and its devices choose addresses in it freely, so the /64
    counts as one client (RFC 4291 section 2.5.4). IPv4 mapped into IPv6 is IPv4.
    """
    single = client_address(address)
    try:
        return str(IPv6Network(f"{single}/{IPV6_PREFIX}", strict=False))
    except ValueError:  # IPv4, or no address
        return single
