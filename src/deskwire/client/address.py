"""Addresses of desks as users type them: `desk.local`, `192.168.1.7:8765`, `https://desk.example`.

A bare name means TLS on the default port; a URL is used as it is.
"""

import re
from urllib.parse import SplitResult, urlsplit

PORT = 8765

_BARE_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*")


def parse_address(text: str) -> str:
    """Return `scheme://host[:port][/path]` without a slash at its end; raises `ValueError`."""
    given = text.strip()
    if _BARE_IPV6.fullmatch(given):
        given = f"[{given}]"
    parts = urlsplit(given if "://" in given else f"https://{given}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not the address of a desk")
    if parts.username is not None or parts.query or parts.fragment or re.search(r"\s", given):
        raise ValueError(f"{text!r}: only a host, a port and a path belong in an address")
    netloc = parts.netloc
    if _port(parts, text) is None and "://" not in given:
        netloc = f"{netloc.rstrip(':')}:{PORT}"
    return f"{parts.scheme}://{netloc}{parts.path}".rstrip("/")


def host_and_port(address: str) -> tuple[str, int]:
    """Return host and port of a parsed address."""
    parts = urlsplit(address)
    usual = {"http": 80, "https": 443, "ws": 80, "wss": 443}[parts.scheme]
    return parts.hostname or "", parts.port or usual


def socket_fits(address: str, socket: str) -> bool:
    """Return whether a socket's address is valid and not less secure than `address`."""
    try:
        parts = urlsplit(socket)
        there = parts.hostname and parts.scheme in ("ws", "wss") and parts.port != 0
    except ValueError:
        return False
    return bool(there) and (parts.scheme == "wss" or address.startswith("http:"))


def _port(parts: SplitResult, text: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ValueError(f"{text!r}: a port is a number from 0 to 65535") from None
