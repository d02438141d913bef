"""Readings, sizes and times as text for people."""

from typing import Any

from msgspec import Struct

from deskwire.model.readings import (
    Backlight,
    Battery,
    Cpu,
    Disk,
    Memory,
    Network,
    Player,
    Uptime,
    Volume,
    Wifi,
)
from deskwire.model.text import printable
from deskwire.model.topics import fields
from deskwire.model.units import Bytes, Seconds

SYMBOLS = {"percent": "%", "degrees Celsius": "°C"}
SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_reading(reading: Any, now: Seconds) -> list[str]:
    """Return a reading as one line, or as a line for each player. `now` is CLOCK_MONOTONIC."""
    if not isinstance(reading, tuple):
        return [_format_value(reading)]
    return [
        format_player(each, now) if isinstance(each, Player) else _format_value(each)
        for each in reading
    ]


def _format_value(reading: Any) -> str:  # noqa: PLR0911 - a table with one line for each device
    match reading:
        case Memory(used) | Disk(used):
            return f"{format_size(used)} in use"
        case Cpu(busy):
            return f"{busy:.1f} % busy"
        case Network(received, sent):
            return f"{format_size(received)} received, {format_size(sent)} sent"
        case Uptime(up):
            return format_duration(up)
        case Wifi(ssid, connected):
            return printable(ssid) if connected else "not connected"
        case Battery(charge, plugged_in):
            return f"{charge:.0f} %, {'plugged in' if plugged_in else 'on battery'}"
        case Volume(level) | Backlight(level):
            return f"{level:.0f} %"
    return format_fields(reading)


def format_fields(reading: Struct) -> str:
    """Return the fields of any reading, each with its unit: `chip k10temp, level 48 °C`."""
    found = [(field, getattr(reading, field.name)) for field in fields(type(reading))]
    return ", ".join(
        f"{field.name.replace('_', ' ')} {_format_field(field.unit, value)}"
        for field, value in found
        if value is not None
    )


def _format_field(unit: str, value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case tuple():
            return "; ".join(_format_field(unit, each) for each in value) or "none"
        case Struct():
            return f"({format_fields(value)})"
        case int() | float():
            return _format_number(unit, value)
    return printable(str(value))


def _format_number(unit: str, value: float) -> str:
    match unit:
        case "bytes":
            return format_size(Bytes(int(value)))
        case "seconds":
            return format_duration(Seconds(value))
    return f"{round(value, 1):g} {SYMBOLS.get(unit, unit)}".rstrip()


def format_player(player: Player, now: Seconds) -> str:
    """Return `player1 mpv, playing: Artist - Title (Album), 1:55 of 3:52`."""
    track = " - ".join(printable(part) for part in (player.artist, player.title) if part)
    if player.album:
        track = f"{track} ({printable(player.album)})".lstrip()
    state = "playing" if player.playing else "paused"
    line = f"{player.id} {printable(player.name)}, {state}"
    if track:
        line += f": {track}"
    if player.position is not None:
        line += f", {format_position(player.position.reached(now, player.duration))}"
        if player.duration is not None:
            line += f" of {format_position(player.duration)}"
    return line


def format_size(size: Bytes) -> str:
    """Return `10.6 GiB`."""
    amount = float(size)
    for unit in SIZE_UNITS[:-1]:
        if amount < 1024:
            return f"{amount:.{0 if amount >= 100 or unit == 'B' else 1}f} {unit}"
        amount /= 1024
    return f"{amount:.1f} {SIZE_UNITS[-1]}"


def format_duration(seconds: Seconds) -> str:
    """Return the two largest units: `2 d 3 h`, `3 h 6 min`, `45 s`."""
    left = int(seconds)
    parts: list[tuple[int, str]] = []
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        many, left = divmod(left, length)
        if many or parts:
            parts.append((many, unit))
    return " ".join(f"{many} {unit}" for many, unit in parts[:2] if many) or "0 s"


def format_position(seconds: Seconds) -> str:
    """Return `1:55` or `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
