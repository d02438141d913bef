"""Keys of `stats` with the type and range of their values (protocol.md#stats-fields)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from deskwire.conformance.outcome import short

Fits = Callable[[Any], bool]

PLAYER_ID = re.compile(r"player[0-9]+")
ART_URL = re.compile(r"/v1/img/tmp/[A-Za-z0-9_-]+={0,2}")


def whole(value: Any) -> bool:
    """A whole number, not negative."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def percent(value: Any) -> bool:
    """A whole number from 0 to 100."""
    return whole(value) and value <= 100


def share(value: Any) -> bool:
    """A number from 0 to 100, of one decimal at most."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= 100 and round(value, 1) == value


def text(value: Any) -> bool:
    """Text."""
    return isinstance(value, str)


def yes_or_no(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


TOP: Mapping[str, Fits] = {
    "memory_bytes": whole,
    "cpu_absolute": share,
    "uptime": whole,
    "disk_bytes": whole,
    "volume": whole,
    "backlight": percent,
}
TABLES: Mapping[str, Mapping[str, Fits]] = {
    "network": {"rx_bytes": whole, "tx_bytes": whole},
    "wifi": {"ssid": text, "connected": yes_or_no},
    "battery": {"percentage": percent, "plugged_in": yes_or_no},
}
PLAYER: Mapping[str, Fits] = {
    "id": text,
    "name": text,
    "playing": yes_or_no,
    "artist": text,
    "title": text,
}
SOMETIMES: Mapping[str, Fits] = {
    "album": text,
    "art_url": text,
    "timestamp": whole,
    "duration": whole,
}
ALWAYS = ("memory_bytes", "cpu_absolute", "network", "uptime", "disk_bytes", "audio")
"""Every Linux desk has these."""
KEYS = {*TOP, *TABLES, "audio"}


def unknown_keys(stats: dict[str, Any]) -> list[str]:
    """Return the keys, inner ones too, that the contract does not have."""
    found = [key for key in stats if key not in KEYS]
    for name, inner in TABLES.items():
        table = stats.get(name)
        if isinstance(table, dict):
            found += [f"{name}.{key}" for key in table if key not in inner]
    for player in players(stats):
        found += [f"audio.{key}" for key in player if key not in {*PLAYER, *SOMETIMES}]
    return found


def invalid_values(stats: dict[str, Any]) -> list[str]:
    """Return what is not as it has to be, `key value`, players aside."""
    found = [
        f"{key} {short(stats[key])}" for key, fits in TOP.items() if not fits(stats.get(key, 0))
    ]
    for name, inner in TABLES.items():
        if name not in stats:
            continue
        table = stats[name] if isinstance(stats[name], dict) else {}
        found += [
            f"{name}.{key} {short(table.get(key))}"
            for key, fits in inner.items()
            if not fits(table.get(key))
        ]
    return found


def invalid_player_values(stats: dict[str, Any]) -> list[str]:
    """Return what is not as it has to be about the players."""
    found = []
    for player in players(stats):
        where = short(player.get("id"))
        found += [
            f"{where}.{key} {short(player.get(key))}"
            for key, fits in PLAYER.items()
            if not fits(player.get(key))
        ]
        found += [
            f"{where}.{key} {short(player[key])}"
            for key, fits in SOMETIMES.items()
            if key in player and not fits(player[key])
        ]
    return found


def nulls(value: Any, where: str = "stats") -> list[str]:
    """Return where there is a null."""
    if value is None:
        return [where]
    if isinstance(value, dict):
        return [each for key, inner in value.items() for each in nulls(inner, f"{where}.{key}")]
    if isinstance(value, list):
        return [each for inner in value for each in nulls(inner, where)]
    return []


def players(stats: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the players, as far as they are any."""
    audio = stats.get("audio")
    return [each for each in audio if isinstance(each, dict)] if isinstance(audio, list) else []
