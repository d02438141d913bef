"""Brightness of the internal panel.

Source: /sys/class/backlight, Documentation/ABI/stable/sysfs-class-backlight: if one panel has
several interfaces, firmware comes before platform, and both before raw. External displays are left
out. The level is `actual_brightness`, which the hardware shows. On amdgpu it is `brightness`,
because `actual_brightness` has another scale on old kernels and follows a curve on new ones.

The kernel sends a uevent for every change that it makes itself. Firmware may change a panel without
one, so the file is also read once a second while there is a panel. The read is quick and runs on
the event loop; a thread would cost 20 times as much.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path

from msgspec import Struct

from deskwire.devices.device import Device, Resources
from deskwire.devices.kernel.sysfs import devices, number, read_attribute, read_attributes
from deskwire.devices.kernel.uevents import uevents
from deskwire.devices.ticker import ChangeFlag
from deskwire.model.readings import Backlight
from deskwire.model.topics import Topic
from deskwire.model.units import Percent, Seconds

SUBSYSTEM = "backlight"
EVERY = Seconds(1.0)
PREFERENCE = ("firmware", "platform", "raw")
EXTERNAL_CONNECTOR = re.compile(r"card\d+-(?!eDP|LVDS|Embedded DisplayPort|DSI|DPI)")
"""Name of an external DRM connector.

The parent of an interface is its connector or a graphics card.
"""
EXTERNAL_INTERFACE = "ddcci"
"""Prefix of the interfaces of the driver for external monitors."""


class Panel(Struct, frozen=True):
    """One interface to a panel's brightness."""

    level: Path
    """File with the level."""
    maximum: int
    rank: tuple[int, bool, str]
    """Type, whether the panel is disabled, name; the lowest rank is read."""


class BacklightDevice(Device[Backlight]):
    """The internal panel's brightness, from uevents and a read each second."""

    topic = Topic("backlight", Backlight, absent="no internal panel with a backlight")

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self._sys = resources.roots.sys
        self.via = f"{self._sys}/class/{SUBSYSTEM}"

    async def watch(self) -> AsyncGenerator[Backlight | None, None]:
        """Yield the present brightness, then each that differs; never raises."""
        changed = ChangeFlag()
        with uevents(changed.set, SUBSYSTEM):
            panel = await asyncio.to_thread(find_panel, self._sys)
            reading = read_panel(panel)
            yield reading
            while True:
                signalled = await changed.wait(self.pace, None if panel is None else EVERY)
                if signalled or reading is None:
                    panel = await asyncio.to_thread(find_panel, self._sys)
                last, reading = reading, read_panel(panel)
                if reading != last:
                    yield reading


def find_panel(sys: Path) -> Panel | None:
    """Return the interface to read, or `None` if there is no internal panel."""
    found = []
    for device in devices(sys, SUBSYSTEM):
        attributes = read_attributes(device, ("type", "max_brightness", "actual_brightness"))
        parent = device / "device"
        panel = parse_panel(
            device, attributes, parent.resolve().name, read_attribute(parent / "enabled")
        )
        if panel is not None:
            found.append(panel)
    return min(found, key=lambda panel: panel.rank, default=None)


def read_panel(panel: Panel | None) -> Backlight | None:
    """Return the panel's level, or `None` if it has been removed."""
    if panel is None:
        return None
    level = number(read_attribute(panel.level))
    return None if level is None else parse_level(level, panel.maximum)


def parse_panel(
    device: Path, attributes: dict[str, str], parent: str, enabled: str | None
) -> Panel | None:
    """Parse an interface; `None` if it does not belong to an internal panel.

    `parent` is the name of its parent device, and `enabled` the content of that device's file: if
    two graphics cards have an interface each, only one drives the panel.
    """
    maximum = number(attributes.get("max_brightness"))
    kind = attributes.get("type", "raw")
    if not maximum or maximum < 0 or kind not in PREFERENCE:
        return None
    if device.name.startswith(EXTERNAL_INTERFACE) or EXTERNAL_CONNECTOR.match(parent):
        return None
    requested = device.name.startswith("amdgpu") or "actual_brightness" not in attributes
    level = device / ("brightness" if requested else "actual_brightness")
    return Panel(level, maximum, (PREFERENCE.index(kind), enabled == "disabled", device.name))


def parse_level(level: int, maximum: int) -> Backlight:
    """Return whole percent of the maximum, halves rounded up, within 0 and 100."""
    percent = (200 * level + maximum) // (2 * maximum)
    return Backlight(Percent(min(max(percent, 0), 100)))
