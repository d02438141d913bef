"""Devices of this desk: created from the settings, and probed without a server.

A probe reads every device once, all at the same time. Each has a timeout of its own, so a device
that hangs does not delay the others.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any

from msgspec import Struct

from deskwire.art.artwork import Artwork
from deskwire.daemon import paths
from deskwire.daemon.config.settings import Settings
from deskwire.daemon.doctor.health import Condition
from deskwire.devices.catalogue import DEVICES, create_devices
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.device import Device, Resources
from deskwire.devices.kernel.kernel_file import Roots
from deskwire.devices.sound.address import FindServers, SoundServers
from deskwire.devices.ticker import Ticker
from deskwire.model.possible import check_reading
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds

TIMEOUT = Seconds(1.0)


class ProbeResult(Struct, frozen=True, kw_only=True):
    """Result of one reading of one device."""

    name: str
    condition: Condition
    reading: Any = None
    """The reading; `None` unless the condition is ok."""
    via: str = ""
    why: str = ""
    """Reason for a missing reading."""
    remedy: str = ""


def desk_buses(environ: Mapping[str, str]) -> Buses:
    """Return the buses of this desk, which are looked up at each attempt to connect."""
    return Buses(
        session=partial(paths.session_bus, environ), system=partial(paths.system_bus, environ)
    )


def desk_devices(
    settings: Settings, *, buses: Buses, sound: SoundServers | FindServers, artwork: Artwork
) -> dict[str, Device[Any]]:
    """Return the devices that the settings do not disable, by topic."""
    resources = Resources(
        roots=Roots(proc=settings.devices.proc, sys=settings.devices.sys),
        interval=settings.stats.interval,
        disk=settings.stats.disk,
        buses=buses,
        sound=sound,
        artwork=artwork,
        ticker=Ticker(),
    )
    return create_devices(resources, settings.devices.disabled)


async def probe_devices(settings: Settings, environ: Mapping[str, str]) -> list[ProbeResult]:
    """Probe every device of this desk, in the order of the catalogue."""
    # A cache of its own, because a running daemon deletes unknown pictures from its cache.
    cache = paths.cache_dir(environ) / "once"
    devices = desk_devices(
        settings,
        buses=desk_buses(environ),
        sound=partial(paths.sound, environ),
        artwork=Artwork(cache=cache, fetch_remote=settings.art.fetch_remote),
    )
    return await probe_each(devices)


async def probe_each(
    devices: Mapping[str, Device[Any]], timeout: Seconds = TIMEOUT
) -> list[ProbeResult]:
    """Probe these devices at the same time; the others of the catalogue count as disabled."""
    outcomes = await asyncio.gather(
        *(first_reading(device, timeout) for device in devices.values()), return_exceptions=True
    )
    probed = {
        name: probe_result(name, device, outcome)
        for (name, device), outcome in zip(devices.items(), outcomes, strict=True)
    }
    off = Condition.DISABLED
    why = "devices.disabled names it"
    return [probed.get(name) or ProbeResult(name=name, condition=off, why=why) for name in DEVICES]


def snapshot_of(results: Iterable[ProbeResult]) -> Snapshot:
    """Return the readings of the base topics as a snapshot."""
    found = {each.name: each.reading for each in results if each.condition is Condition.OK}
    return Snapshot(**{name: found[name] for name in Snapshot.__struct_fields__ if name in found})


async def first_reading(device: Device[Any], timeout: Seconds) -> Any:
    """Return the present reading, or raise `DeviceUnavailable`, also after the timeout."""
    try:
        async with asyncio.timeout(timeout), aclosing(device.watch()) as readings:
            checked = check_reading(await anext(readings))
    except TimeoutError:
        raise DeviceUnavailable(f"no answer within {timeout:g} s") from None
    if checked.reading is None and checked.impossible:
        raise DeviceUnavailable(checked.impossible[0].message)
    return checked.reading


def probe_result(name: str, device: Device[Any], outcome: Any) -> ProbeResult:
    """Return the result for a reading, or for an exception in its place."""
    missing = f"no answer from {', '.join(device.unanswered)}" if device.unanswered else ""
    match outcome:
        case DeviceUnavailable():
            return ProbeResult(
                name=name,
                condition=Condition.UNAVAILABLE,
                why=outcome.message,
                remedy=outcome.remedy,
            )
        case BaseException():
            why = f"a bug in deskwire: {type(outcome).__name__}: {outcome}"
            return ProbeResult(name=name, condition=Condition.UNAVAILABLE, why=why)
        case None | ():
            absent = missing or device.topic.absent
            return ProbeResult(name=name, condition=Condition.ABSENT, via=device.via, why=absent)
    return ProbeResult(
        name=name, condition=Condition.OK, reading=outcome, via=device.via, why=missing
    )
