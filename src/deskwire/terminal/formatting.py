"""Readings in words, for a person at a terminal.

Titles and network names are strangers' text: whatever a terminal would obey instead of print is
replaced.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from deskwire.daemon.doctor.health import Condition
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
from deskwire.model.units import Bytes, Seconds

if TYPE_CHECKING:
    from deskwire.daemon.probe import ProbeResult

SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_reading(reading: Any, now: Seconds) -> list[str]:
    """Return a reading as a line, players as a line each; `now` is CLOCK_MONOTONIC."""
    if isinstance(reading, tuple):
        return [format_player(each, now) for each in reading]
    return [_one(reading)]


def snapshot_rows(looks: "Iterable[ProbeResult]", now: Seconds) -> list[tuple[str, str]]:
    """Return name and reading of each device; what reads nothing says why, unless disabled."""
    rows: list[tuple[str, str]] = []
    for look in looks:
        if look.condition is Condition.OK:
            lines = format_reading(look.reading, now)
            rows += zip([look.name, *[""] * (len(lines) - 1)], lines, strict=True)
        elif look.condition is Condition.ABSENT:
            rows.append((look.name, f"none: {clean(look.why)}"))
        elif look.condition is Condition.UNAVAILABLE:
            rows.append((look.name, f"not to be had: {clean(look.why)}"))
    return rows


def _one(reading: Any) -> str:  # noqa: PLR0911 - a table, one line a device
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
            return clean(ssid) if connected else "not connected"
        case Battery(charge, plugged_in):
            return f"{charge:.0f} %, {'plugged in' if plugged_in else 'on battery'}"
        case Volume(level) | Backlight(level):
            return f"{level:.0f} %"
    return clean(str(reading))


def format_player(playing: Player, now: Seconds) -> str:
    """Return `player1 mpv: plays Artist - Title (Album), 1:55 of 3:52`."""
    track = " - ".join(clean(part) for part in (playing.artist, playing.title) if part)
    album = f" ({clean(playing.album)})" if playing.album else ""
    verb = "plays" if playing.playing else "pauses"
    line = f"{playing.id} {clean(playing.name)}: {verb} {track}{album}"
    if playing.position is not None:
        line += f", {format_position(playing.position.reached(now, playing.duration))}"
        if playing.duration is not None:
            line += f" of {format_position(playing.duration)}"
    return line


def format_size(many: Bytes) -> str:
    """Return `10.6 GiB`."""
    amount = float(many)
    for unit in SIZES[:-1]:
        if amount < 1024:
            return (
                f"{amount:.0f} {unit}" if amount >= 100 or unit == "B" else f"{amount:.1f} {unit}"
            )
        amount /= 1024
    return f"{amount:.1f} {SIZES[-1]}"


def format_duration(seconds: Seconds) -> str:
    """Return the two largest parts: `2 d 3 h`, `3 h 6 min`, `45 s`."""
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


def clean(text: str) -> str:
    """Return the text with whatever does not print replaced."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
