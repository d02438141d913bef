"""A wireless adapter, as NetworkManager, iwd or the kernel tells of it; which one is the desk's.

A desk shows one network: that of the first connected adapter by interface name, so that two
adapters never take turns. An SSID is up to 32 bytes of anything (IEEE 802.11, 9.4.2.2), so it is
made fit to be shown here and nowhere else.
"""

import unicodedata
from collections.abc import Iterable

from msgspec import Struct

from deskwire.model.readings import Wifi

UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""General categories (Unicode, 4.5) that are dropped: controls, lone surrogates, line breaks."""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the reading direction of what stands around the name (Unicode, UAX 9)."""


class Adapter(Struct, frozen=True):
    """One wireless interface."""

    name: str
    """Interface name: `wlan0`."""
    connected: bool
    ssid: str = ""
    """Fit to be shown; empty where there is none or it is hidden."""


def readable(ssid: bytes | str) -> str:
    """Make an SSID fit to be shown: replacement characters for what is not UTF-8, no controls."""
    text = ssid.decode("utf-8", "replace") if isinstance(ssid, bytes) else ssid
    return "".join(
        letter
        for letter in text
        if unicodedata.category(letter) not in UNSEEN and letter not in TURNING
    )


def reading(adapters: Iterable[Adapter]) -> Wifi | None:
    """Return what the desk shows: the connected adapter, first by name; `None` without any."""
    first = min(adapters, key=lambda adapter: (not adapter.connected, adapter.name), default=None)
    if first is None:
        return None
    if not first.connected:
        return Wifi(ssid="", connected=False)
    return Wifi(ssid=first.ssid, connected=True)
