"""What `deskwire doctor` has to say, for programs and for people.

`--json` prints one object. Every key is always there; keys are only ever added:

    {"version": "0.1.0",             deskwire's own
     "fine": true,                   what the exit code says
     "desk": [                       Python, buses, state, users, certificate, port
       {"name": "state",
        "condition": "ok",           ok | absent | disabled | unavailable | unsafe
        "found": "/home/ann/…",      what there is, for a person
        "why": "",                   why it is not ok
        "remedy": ""}, …],           what a person can do about it
     "devices": [                    one a device, in the order of `snapshot`
       {"name": "wifi", "condition": "ok", "found": "Bazinga! 5G", "via": "NetworkManager",
        "why": "", "remedy": ""}, …],
     "snapshot": {…}}                the object that `stats` carries
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from deskwire import __version__
from deskwire.daemon.doctor.health import FINE, Finding
from deskwire.daemon.probe import ProbeResult, snapshot_of
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import encode_snapshot
from deskwire.terminal.console import Colour, Console, align_columns
from deskwire.terminal.formatting import clean, format_reading

COLOURS = {
    "ok": Colour.GREEN,
    "absent": Colour.FAINT,
    "disabled": Colour.FAINT,
    "unavailable": Colour.RED,
    "unsafe": Colour.RED,
}


class Part(Struct, kw_only=True):
    """One part of the desk, as `--json` says it."""

    name: str
    condition: str
    found: str
    why: str
    remedy: str


class Device(Part, kw_only=True):
    """One device, as `--json` says it."""

    via: str


class Report(Struct, kw_only=True):
    """What `--json` prints."""

    version: str
    fine: bool
    desk: list[Part]
    devices: list[Device]
    snapshot: msgspec.Raw


def build_report(findings: Iterable[Finding], looks: Iterable[ProbeResult], now: Seconds) -> Report:
    """Put together what was found of the desk and of its devices; `now` is CLOCK_MONOTONIC."""
    findings, looks = tuple(findings), tuple(looks)
    conditions = [each.condition for each in findings] + [each.condition for each in looks]
    return Report(
        version=__version__,
        fine=FINE.issuperset(conditions),
        desk=desk(findings),
        devices=devices(looks, now),
        snapshot=msgspec.Raw(encode_snapshot(snapshot_of(looks), now)),
    )


def desk(findings: Iterable[Finding]) -> list[Part]:
    """Return the parts of the desk itself."""
    return [
        Part(
            name=each.name,
            condition=each.condition.value,
            found=clean(each.found),
            why=clean(each.why),
            remedy=clean(each.remedy),
        )
        for each in findings
    ]


def devices(looks: Iterable[ProbeResult], now: Seconds) -> list[Device]:
    """Return the devices, each reading in words; `now` is CLOCK_MONOTONIC."""
    return [
        Device(
            name=each.name,
            condition=each.condition.value,
            found="; ".join(format_reading(each.reading, now)) if each.reading is not None else "",
            via=clean(each.via),
            why=clean(each.why),
            remedy=clean(each.remedy),
        )
        for each in looks
    ]


def format_report(whole: Report, paper: Console) -> Iterator[str]:
    """Give the report as lines for a person."""
    parts: list[Part] = [*whole.desk, *whole.devices]
    lines = align_columns([(part.name, part.condition, part.found or part.why) for part in parts])
    indent = " " * (max(len(part.name) for part in parts) + 2)
    for part, line in zip(parts, lines, strict=True):
        start, end = len(indent), len(indent) + len(part.condition)
        yield line[:start] + paper.paint(line[start:end], COLOURS[part.condition]) + line[end:]
        for more in details(part):
            yield indent + more
    amiss = [part.name for part in parts if part.condition in {"unavailable", "unsafe"}]
    yield ""
    yield f"look at: {', '.join(amiss)}" if amiss else "all is well"


def details(part: Part) -> list[str]:
    """Return what else there is to say of a part."""
    more = []
    if part.found and part.why:
        more.append(part.why)
    if isinstance(part, Device) and part.via and part.found:
        more.append(f"via {part.via}")
    if part.remedy:
        more.append(f"-> {part.remedy}")
    return more
