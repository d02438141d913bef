"""Readings of the desk as rows, with the trends behind their sparklines.

A reading that the desk does not have gets no row.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from deskwire.model.readings import Battery, Network, Snapshot, Uptime
from deskwire.model.units import Bytes, Seconds
from deskwire.terminal.formatting import format_duration, format_size
from deskwire.tui.spans import Line, Span, Tone, fill, fit, level, single_line, sparkline

LABEL_WIDTH = 10
LOW_BATTERY = 15
"""Percent."""
MIN_MEMORY_EXTENT = 0.05
"""Smallest extent of the memory's sparkline as a part of the used memory. Noise stays small."""
MIN_FULL_RATE = 1024.0
"""Smallest rate in bytes per second that fills a sparkline."""
MIN_SAMPLE_INTERVAL = Seconds(0.5)
MAX_SAMPLES = 240


class Trends(Struct, frozen=True):
    """Recent values, the newest last."""

    cpu: tuple[float, ...] = ()
    memory: tuple[float, ...] = ()
    received: tuple[float, ...] = ()
    """Bytes per second."""
    sent: tuple[float, ...] = ()
    """Bytes per second."""


class TrendRecorder:
    """Recorder of trends from snapshots.

    Snapshots also arrive on a change, between two readings of these values. A sample therefore
    needs a new uptime, which the desk reads at each interval, and half a second since the last one.
    """

    def __init__(self) -> None:
        self.trends = Trends()
        self._sampled: Seconds | None = None
        self._network: Network | None = None
        self._uptime: Uptime | None = None

    def record(self, snapshot: Snapshot, now: Seconds) -> None:
        """Record a snapshot. `now` is CLOCK_MONOTONIC."""
        elapsed = None if self._sampled is None else now - self._sampled
        repeated = snapshot.uptime is not None and snapshot.uptime == self._uptime
        if elapsed is not None and (elapsed < MIN_SAMPLE_INTERVAL or repeated):
            return
        self._sampled = now
        self._uptime = snapshot.uptime
        sample: dict[str, float] = {}
        if snapshot.cpu is not None:
            sample["cpu"] = snapshot.cpu.busy
        if snapshot.memory is not None:
            sample["memory"] = snapshot.memory.used
        before, self._network = self._network, snapshot.network
        if elapsed is not None and before is not None and snapshot.network is not None:
            sample["received"] = max(snapshot.network.received - before.received, 0) / elapsed
            sample["sent"] = max(snapshot.network.sent - before.sent, 0) / elapsed
        for name, value in sample.items():
            values = (*getattr(self.trends, name), value)[-MAX_SAMPLES:]
            self.trends = replace(self.trends, **{name: values})


class Row(Struct, frozen=True):
    """One reading as text, with a gauge or a sparkline if it has one."""

    label: str
    text: str
    tone: Tone = Tone.PLAIN
    part: float | None = None
    """Filled part of the gauge, 0 to 1."""
    trend: tuple[float, ...] | None = None
    low: float = 0.0
    """Value at the bottom of the sparkline."""
    high: float = 1.0

    @property
    def has_graph(self) -> bool:
        """Whether a gauge or a sparkline is drawn."""
        return self.part is not None or self.trend is not None


def reading_rows(snapshot: Snapshot, trends: Trends) -> list[Row]:
    """Return a row for each reading of the desk."""
    return [*_changing_rows(snapshot, trends), *_steady_rows(snapshot)]


def _changing_rows(snapshot: Snapshot, trends: Trends) -> list[Row]:
    rows: list[Row] = []
    if snapshot.cpu is not None:
        rows.append(Row("CPU", f"{snapshot.cpu.busy:.1f} %", trend=trends.cpu, high=100.0))
    if snapshot.memory is not None:
        low, high = _extent(trends.memory)
        used = format_size(snapshot.memory.used)
        rows.append(Row("Memory", used, trend=trends.memory, low=low, high=high))
    if snapshot.network is not None:
        for label, trend in (("Download", trends.received), ("Upload", trends.sent)):
            rate = format_size(Bytes(int(trend[-1]))) + "/s" if trend else ""
            rows.append(Row(label, rate, trend=trend, high=max(MIN_FULL_RATE, *trend, 0.0)))
        received = format_size(snapshot.network.received)
        rows.append(Row("Network", f"{received} in, {format_size(snapshot.network.sent)} out"))
    if snapshot.disk is not None:
        rows.append(Row("Disk", f"{format_size(snapshot.disk.used)} in use"))
    return rows


def _extent(trend: Sequence[float]) -> tuple[float, float]:
    """Return bottom and top of a sparkline with steady values in its middle."""
    low, high = min(trend, default=0.0), max(trend, default=0.0)
    middle, half = (low + high) / 2, max((high - low) / 2, high * MIN_MEMORY_EXTENT / 2)
    return middle - half, middle + half


def _steady_rows(snapshot: Snapshot) -> list[Row]:
    rows: list[Row] = []
    if snapshot.battery is not None:
        rows.append(_battery_row(snapshot.battery))
    if snapshot.volume is not None:
        volume = snapshot.volume.level
        tone = Tone.WARN if volume > 100 else Tone.PLAIN
        rows.append(Row("Volume", f"{volume:.0f} %", tone, volume / 100))
    if snapshot.backlight is not None:
        brightness = snapshot.backlight.level
        rows.append(Row("Backlight", f"{brightness:.0f} %", part=brightness / 100))
    if snapshot.wifi is not None:
        name = single_line(snapshot.wifi.ssid) if snapshot.wifi.connected else "not connected"
        rows.append(Row("Wi-Fi", name, Tone.PLAIN if snapshot.wifi.connected else Tone.FAINT))
    if snapshot.uptime is not None:
        rows.append(Row("Uptime", format_duration(snapshot.uptime.up)))
    return rows


def _battery_row(battery: Battery) -> Row:
    low = battery.charge <= LOW_BATTERY and not battery.plugged_in
    text = f"{battery.charge:.0f} % {'plugged in' if battery.plugged_in else 'on battery'}"
    return Row("Battery", text, Tone.BAD if low else Tone.PLAIN, battery.charge / 100)


def one_column(rows: Sequence[Row], width: int) -> list[Line]:
    """Draw rows below each other."""
    text_width = max((len(row.text) for row in rows if row.has_graph), default=0)
    text_width = min(max(text_width, 10), width)
    return [_draw_row(row, width, text_width) for row in rows]


def two_columns(rows: Sequence[Row], width: int, *, gap: int = 3) -> list[Line]:
    """Draw rows in two columns, of which the first may be longer."""
    half = (len(rows) + 1) // 2
    each = (width - gap) // 2
    left, right = one_column(rows[:half], each), one_column(rows[half:], each)
    right += [()] * (half - len(right))
    between = Span(" " * gap)
    return [
        fill((*one, between, *fill(other, each)), width)
        for one, other in zip(left, right, strict=True)
    ]


def _draw_row(row: Row, width: int, text_width: int) -> Line:
    label = Span(fit(row.label, LABEL_WIDTH), Tone.FAINT)
    if not row.has_graph:
        return fill((label, Span(fit(row.text, width - LABEL_WIDTH), row.tone)), width)
    left = max(width - LABEL_WIDTH - text_width - 1, 0)
    graph: Line = (
        level(row.part, left)
        if row.part is not None
        else (sparkline(row.trend or (), left, row.low, row.high),)
    )
    text = Span(fit(row.text, text_width, right=True), row.tone)
    return fill((label, *graph, Span(" "), text), width)
