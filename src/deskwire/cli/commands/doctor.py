"""Command `deskwire doctor`: state of each part of this desk, with advice.

The exit code is 0 if every part is ok, absent or disabled, and 1 if one is unavailable or unsafe.
`--json` prints one object. All keys are always present, and new versions only add keys:

    {"version": "0.1.0",             version of deskwire
     "fine": true,                   same as exit code 0
     "desk": [                       Python, buses, state, users, certificate, port
       {"name": "state",
        "condition": "ok",           ok | absent | disabled | unavailable | unsafe
        "found": "/home/ann/…",      finding, for people
        "why": "",                   reason if the condition is not ok
        "remedy": ""}, …],           next step for the user
     "devices": [                    one entry for each device, in the order of `snapshot`
       {"name": "wifi", "condition": "ok", "found": "Bazinga! 5G", "via": "NetworkManager",
        "why": "", "remedy": ""}, …],
     "snapshot": {…}}                the JSON object of `stats`
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from deskwire import __version__
from deskwire.cli import exit_codes
from deskwire.cli.local_desk import load_settings
from deskwire.cli.options import config_option, state_dir_option
from deskwire.daemon.doctor.health import PASSING, CheckResult
from deskwire.daemon.doctor.system import check_system
from deskwire.daemon.probe import ProbeResult, probe_devices, snapshot_of
from deskwire.model.text import printable
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import encode_snapshot
from deskwire.terminal.console import Colour, Console, align_columns
from deskwire.terminal.formatting import format_reading

COLOURS = {
    "ok": Colour.GREEN,
    "absent": Colour.FAINT,
    "disabled": Colour.FAINT,
    "unavailable": Colour.RED,
    "unsafe": Colour.RED,
}


class Part(Struct, kw_only=True):
    """One part of the desk in the JSON object."""

    name: str
    condition: str
    found: str
    why: str
    remedy: str


class Device(Part, kw_only=True):
    """One device in the JSON object."""

    via: str


class Report(Struct, kw_only=True):
    """The JSON object."""

    version: str
    fine: bool
    desk: list[Part]
    devices: list[Device]
    snapshot: msgspec.Raw


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
@state_dir_option
def doctor(as_json: bool, config: Path | None, state_dir: Path | None) -> None:
    """Show which parts of this desk work, and why others do not."""
    settings = load_settings({"server": {"state_dir": state_dir}}, config)
    probes = asyncio.run(probe_devices(settings, os.environ))
    now = Seconds(time.monotonic())
    report = build_report(check_system(settings, os.environ), probes, now)
    console = Console()
    if as_json:
        console.write(msgspec.json.encode(report).decode())
    else:
        for line in format_report(report, console):
            console.write(line)
    if not report.fine:
        sys.exit(exit_codes.FAILED)


def build_report(
    findings: Iterable[CheckResult], probes: Iterable[ProbeResult], now: Seconds
) -> Report:
    """Build the report from the findings of both kinds. `now` is CLOCK_MONOTONIC."""
    findings, probes = tuple(findings), tuple(probes)
    conditions = [each.condition for each in findings] + [each.condition for each in probes]
    return Report(
        version=__version__,
        fine=PASSING.issuperset(conditions),
        desk=[Part(found=printable(each.found), **common_keys(each)) for each in findings],
        devices=[
            Device(
                found="" if each.reading is None else "; ".join(format_reading(each.reading, now)),
                via=printable(each.via),
                **common_keys(each),
            )
            for each in probes
        ],
        snapshot=msgspec.Raw(encode_snapshot(snapshot_of(probes), now)),
    )


def common_keys(each: CheckResult | ProbeResult) -> dict[str, str]:
    """Return the keys that parts and devices share."""
    return {
        "name": each.name,
        "condition": each.condition.value,
        "why": printable(each.why),
        "remedy": printable(each.remedy),
    }


def format_report(report: Report, console: Console) -> Iterator[str]:
    """Yield the report as lines for people."""
    parts: list[Part] = [*report.desk, *report.devices]
    lines = align_columns([(part.name, part.condition, part.found or part.why) for part in parts])
    indent = " " * (max(len(part.name) for part in parts) + 2)
    for part, line in zip(parts, lines, strict=True):
        start, end = len(indent), len(indent) + len(part.condition)
        yield line[:start] + console.paint(line[start:end], COLOURS[part.condition]) + line[end:]
        for detail in details(part):
            yield indent + detail
    problems = [part.name for part in parts if part.condition in {"unavailable", "unsafe"}]
    yield ""
    yield f"problems: {', '.join(problems)}" if problems else "no problems found"


def details(part: Part) -> Iterator[str]:
    """Yield the further lines of a part: reason, source and remedy."""
    if part.found and part.why:
        yield part.why
    if isinstance(part, Device) and part.via and part.found:
        yield f"via {part.via}"
    if part.remedy:
        yield f"-> {part.remedy}"
