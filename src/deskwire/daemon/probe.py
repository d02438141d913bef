"""One look at every device, without a server: what each reads, or why it reads nothing.

All are looked at at once and each has a deadline of its own, so one that hangs costs the others
nothing.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from typing import Any

from msgspec import Struct

from deskwire.art.artwork import Artwork
from deskwire.daemon import paths as places
from deskwire.daemon.config.settings import DEVICE_NAMES, Settings
from deskwire.daemon.doctor.health import Condition
from deskwire.devices.catalogue import catalogue
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.device import Device, Roots
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds

DEADLINE = Seconds(1.0)


class ProbeResult(Struct, frozen=True, kw_only=True):
    """What one look at one device found."""

    name: str
    condition: Condition
    reading: Any = None
    """As in a snapshot; `None` unless the condition is ok."""
    via: str = ""
    why: str = ""
    """Why there is no reading."""
    remedy: str = ""


async def probe_devices(settings: Settings, environ: Mapping[str, str]) -> list[ProbeResult]:
    """Probe every device of this desk, in the order of a snapshot's fields."""
    buses = Buses(session=places.session_bus(environ), system=places.system_bus(environ))
    # A folder apart: a daemon beside it keeps its own pictures.
    cache = places.cache_dir(environ) / "once"
    artwork = Artwork(cache=cache, fetch_remote=settings.art.fetch_remote)
    devices = catalogue(
        roots=Roots(proc=settings.devices.proc, sys=settings.devices.sys),
        every=settings.stats.interval,
        disk=settings.stats.disk,
        buses=buses,
        sound=await asyncio.to_thread(places.sound, environ),
        artwork=artwork,
        disabled=settings.devices.disabled,
    )
    return await probe_each(devices)


async def probe_each(
    devices: Mapping[str, Device[Any]], deadline: Seconds = DEADLINE
) -> list[ProbeResult]:
    """Probe these devices, all at once; whichever is not among them is disabled."""
    outcomes = await asyncio.gather(
        *(first_reading(source, deadline) for source in devices.values()), return_exceptions=True
    )
    seen = {
        name: told(name, source, outcome)
        for (name, source), outcome in zip(devices.items(), outcomes, strict=True)
    }
    off = Condition.DISABLED
    why = "devices.disabled names it"
    return [
        seen.get(name) or ProbeResult(name=name, condition=off, why=why) for name in DEVICE_NAMES
    ]


def snapshot_of(looks: Iterable[ProbeResult]) -> Snapshot:
    """Return the readings as the desk's snapshot."""
    return Snapshot(**{look.name: look.reading for look in looks if look.condition is Condition.OK})


async def first_reading(source: Device[Any], deadline: Seconds) -> Any:
    """Return the present reading, or raise `DeviceUnavailable`, also when there is none in time."""
    try:
        async with asyncio.timeout(deadline), aclosing(source.watch()) as readings:
            return await anext(readings)
    except TimeoutError:
        raise DeviceUnavailable(f"no answer within {deadline:g} s") from None


def told(name: str, source: Device[Any], outcome: Any) -> ProbeResult:
    """Return what a reading, or what was raised instead, says of the device."""
    match outcome:
        case DeviceUnavailable():
            return ProbeResult(
                name=name,
                condition=Condition.UNAVAILABLE,
                why=outcome.message,
                remedy=outcome.remedy,
            )
        case BaseException():
            why = f"a bug of deskwire's: {type(outcome).__name__}: {outcome}"
            return ProbeResult(name=name, condition=Condition.UNAVAILABLE, why=why)
        case None | ():
            return ProbeResult(
                name=name, condition=Condition.ABSENT, via=source.via, why=source.absent
            )
    return ProbeResult(name=name, condition=Condition.OK, reading=outcome, via=source.via)
