"""The desk's numbers, a row each; what the desk does not have has no row."""

from collections.abc import Sequence

from msgspec import Struct

from deskwire.model.readings import Battery, Snapshot
from deskwire.model.units import Bytes
from deskwire.terminal.formatting import format_duration, format_size
from deskwire.tui.gauges import level, sparkline
from deskwire.tui.spans import Line, Span, Tone, fill, fit, safe
from deskwire.tui.trends import Trends

LABEL = 10
LOW_BATTERY = 15
MEMORY_MOVES = 0.05
"""A memory line spans at least this part of what is in use, so that noise stays small."""
SLOWEST = 1024.0
"""Bytes a second that fill a line at least."""


class Row(Struct, frozen=True):
    """One number: in words, and as a bar or a line where it makes one."""

    label: str
    words: str
    tone: Tone = Tone.PLAIN
    part: float | None = None
    """Of a whole, 0 to 1."""
    went: tuple[float, ...] | None = None
    low: float = 0.0
    high: float = 1.0


def rows(snapshot: Snapshot, trends: Trends) -> list[Row]:
    """Return a row for each thing the desk has."""
    return [*_moving(snapshot, trends), *_standing(snapshot)]


def _moving(snapshot: Snapshot, trends: Trends) -> list[Row]:
    found: list[Row] = []
    if snapshot.cpu is not None:
        found.append(Row("CPU", f"{snapshot.cpu.busy:.1f} %", went=trends.cpu, high=100.0))
    if snapshot.memory is not None:
        low, high = _around(trends.memory)
        used = format_size(snapshot.memory.used)
        found.append(Row("Memory", used, went=trends.memory, low=low, high=high))
    if snapshot.network is not None:
        for label, went in (("Download", trends.received), ("Upload", trends.sent)):
            rate = format_size(Bytes(int(went[-1]))) + "/s" if went else ""
            found.append(Row(label, rate, went=went, high=max(SLOWEST, *went, 0.0)))
        received, sent = format_size(snapshot.network.received), format_size(snapshot.network.sent)
        found.append(Row("Network", f"{received} in, {sent} out"))
    if snapshot.disk is not None:
        found.append(Row("Disk", f"{format_size(snapshot.disk.used)} in use"))
    return found


def _around(went: Sequence[float]) -> tuple[float, float]:
    """Return the ends of a line for values whose whole nobody tells: steady is in the middle."""
    low, high = min(went, default=0.0), max(went, default=0.0)
    least = high * MEMORY_MOVES / 2
    middle, half = (low + high) / 2, max((high - low) / 2, least)
    return middle - half, middle + half


def _standing(snapshot: Snapshot) -> list[Row]:
    found: list[Row] = []
    if snapshot.battery is not None:
        found.append(_battery(snapshot.battery))
    if snapshot.volume is not None:
        loud = snapshot.volume.level
        tone = Tone.WARN if loud > 100 else Tone.PLAIN
        found.append(Row("Volume", f"{loud:.0f} %", tone, loud / 100))
    if snapshot.backlight is not None:
        bright = snapshot.backlight.level
        found.append(Row("Backlight", f"{bright:.0f} %", part=bright / 100))
    if snapshot.wifi is not None:
        name = safe(snapshot.wifi.ssid) if snapshot.wifi.connected else "not connected"
        found.append(Row("Wi-Fi", name, Tone.PLAIN if snapshot.wifi.connected else Tone.FAINT))
    if snapshot.uptime is not None:
        found.append(Row("Uptime", format_duration(snapshot.uptime.up)))
    return found


def _battery(battery: Battery) -> Row:
    low = battery.charge <= LOW_BATTERY and not battery.plugged_in
    words = f"{battery.charge:.0f} % {'plugged in' if battery.plugged_in else 'on battery'}"
    return Row("Battery", words, Tone.BAD if low else Tone.PLAIN, battery.charge / 100)


def column(some: Sequence[Row], width: int) -> list[Line]:
    """Draw rows beneath each other, in so many cells."""
    words = max((len(row.words) for row in some if _drawn(row)), default=0)
    words = min(max(words, 10), width)
    return [_line(row, width, words) for row in some]


def columns(some: Sequence[Row], width: int, *, apart: int = 3) -> list[Line]:
    """Draw rows in two columns, the first the longer one."""
    half = (len(some) + 1) // 2
    each = (width - apart) // 2
    left, right = column(some[:half], each), column(some[half:], each)
    right += [()] * (half - len(right))
    gap = Span(" " * apart)
    return [
        fill((*one, gap, *fill(other, each)), width) for one, other in zip(left, right, strict=True)
    ]


def _drawn(row: Row) -> bool:
    return row.part is not None or row.went is not None


def _line(row: Row, width: int, words: int) -> Line:
    label = Span(fit(row.label, LABEL), Tone.FAINT)
    if not _drawn(row):
        return fill((label, Span(fit(row.words, width - LABEL), row.tone)), width)
    room = max(width - LABEL - words - 1, 0)
    gauge: Line = (
        level(row.part, room)
        if row.part is not None
        else (sparkline(row.went or (), room, row.low, row.high),)
    )
    words_ = Span(fit(row.words, words, right=True), row.tone)
    return fill((label, *gauge, Span(" "), words_), width)
