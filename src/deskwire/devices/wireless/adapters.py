"""Wireless adapter, and the choice of the one that the desk reports.

The desk reports the first connected adapter by interface name, so that two adapters do not
alternate. An SSID consists of up to 32 arbitrary bytes (IEEE 802.11, 9.4.2.2); this module alone
converts it to text.
"""

import unicodedata
from collections.abc import Iterable

from msgspec import Struct

from deskwire.model.readings import Wifi

UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode general categories that are removed: controls, lone surrogates, line separators."""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Bidirectional control characters, which change the direction of the surrounding text."""


class Adapter(Struct, frozen=True):
    """One wireless interface."""

    name: str
    """Interface name: `wlan0`."""
    connected: bool
    ssid: str = ""
    """Displayable network name; empty if there is none or it is hidden."""


def readable(ssid: bytes | str) -> str:
    """Convert an SSID to displayable text: invalid UTF-8 is replaced, controls are removed."""
    text = ssid.decode("utf-8", "replace") if isinstance(ssid, bytes) else ssid
    return "".join(
        letter
        for letter in text
        if unicodedata.category(letter) not in UNSEEN and letter not in TURNING
    )


def reading(adapters: Iterable[Adapter]) -> Wifi | None:
    """Return the desk's reading: the first connected adapter by name; `None` without an adapter."""
    first = min(adapters, key=lambda adapter: (not adapter.connected, adapter.name), default=None)
    if first is None:
        return None
    if not first.connected:
        return Wifi(ssid="", connected=False)
    return Wifi(ssid=first.ssid, connected=True)
