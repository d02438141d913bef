"""Which desk this is, and which boot of it.

Both are derived per application, as sd_id128_get_machine_app_specific(3) does it: HMAC-SHA256
keyed with the machine's (or the boot's) own id over a constant of ours. So they are stable, tell
nobody the raw id, and cannot be matched with what another program derives from the same id. A
desk is one person's session: two people on one machine have two.
"""

import hmac
import string
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address
from uuid import UUID, uuid5

DESK = UUID("15b72cb0-2f23-45f9-bbe8-da237a3690e7")
BOOT = UUID("a6d7d90e-4da6-4ab3-9ae3-0bb59fd1b8f8")


def parse_machine_id(text: str) -> bytes | None:
    """Return the 16 bytes of a machine-id(5), or `None` where there is none yet."""
    digits = text.strip()
    if len(digits) != 32 or not set(digits) <= set(string.hexdigits) or not int(digits, 16):
        return None
    return bytes.fromhex(digits)


def parse_boot_id(text: str) -> bytes | None:
    """Return the 16 bytes of /proc/sys/kernel/random/boot_id, random(4), or `None`."""
    try:
        return UUID(text.strip()).bytes
    except ValueError:
        return None


def desk_of(machine_id: bytes, uid: int) -> UUID:
    """Name the desk of one person, by user id, on one machine."""
    return derived(machine_id, uuid5(DESK, str(uid)))


def derived(secret_id: bytes, over: UUID) -> UUID:
    """Derive an id that does not tell `secret_id`."""
    return UUID(bytes=hmac.digest(secret_id, over.bytes, "sha256")[:16], version=4)


PREFIX = 64


@lru_cache(maxsize=64)  # a log-in asks for the same one three times
def client_network(address: str) -> str:
    """Return what an address is counted under: itself, or its /64; text that is none, as it is."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), PREFIX), strict=False))
