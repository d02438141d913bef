"""Addresses as far as one person's screens share them.

An IPv6 network hands each household a /64 at the least, and within it an address is chosen freely,
so it is the network that counts (RFC 4291 section 2.5.4). IPv4 mapped into IPv6 is IPv4.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address

PREFIX = 64


@lru_cache(maxsize=64)  # a log-in asks for the same one three times
def neighbourhood(address: str) -> str:
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
