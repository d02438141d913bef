"""How bright the desk's own panel is.

Source: /sys/class/backlight, Documentation/ABI/stable/sysfs-class-backlight: where one panel has
several interfaces, firmware's comes before the platform's and both before raw registers. Displays
that are not built in are left out. The level is `actual_brightness`, what the hardware shows, but
on amdgpu, where that is another scale on old kernels and the outcome of a curve on new ones, and
only `brightness` is the number a person set.

The kernel says every change that goes through it by a uevent, and wakes poll(2) on the file in the
same breath, so polling the file that way would add nothing. Firmware that moves a panel by itself
says nothing at all; for that one file is read once a second, while there is a panel. It is a read
of a register or of a number in memory, so it is done on the event loop: a thread costs 20 times it.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path

from msgspec import Struct

from deskwire.devices.device import Roots
from deskwire.devices.kernel.sysfs import devices, number, read_attribute, read_attributes
from deskwire.devices.kernel.uevents import uevents
from deskwire.devices.ticker import ChangeFlag, Ticker
from deskwire.model.readings import Backlight
from deskwire.model.units import Percent, Seconds

SUBSYSTEM = "backlight"
EVERY = Seconds(1.0)
PREFERENCE = ("firmware", "platform", "raw")
EXTERNAL_CONNECTOR = re.compile(r"card\d+-(?!eDP|LVDS|Embedded DisplayPort|DSI|DPI)")
"""A DRM connector that leads out of the case; an interface's parent is its connector, or a card."""
EXTERNAL_INTERFACE = "ddcci"
"""The driver for monitors on a cable makes interfaces of this name."""


class Panel(Struct, frozen=True):
    """One interface to a panel's brightness."""

    level: Path
    """The file that says the level."""
    maximum: int
    rank: tuple[int, bool, str]
    """Kind, whether it drives no panel, name; the lowest is read."""


class BacklightDevice:
    """The internal panel's brightness, told by uevents and read once a second besides."""

    absent = "no internal panel with a backlight"

    def __init__(self, roots: Roots) -> None:
        self.via = f"{roots.sys}/class/{SUBSYSTEM}"
        self._sys = roots.sys

    async def watch(self) -> AsyncGenerator[Backlight | None, None]:
        """Yield the present brightness, then each that differs; never raises."""
        changed = ChangeFlag()
        ticker = Ticker(EVERY)
        with uevents(changed.set, SUBSYSTEM):
            panel = await asyncio.to_thread(find_panel, self._sys)
            reading = read_panel(panel)
            yield reading
            while True:
                told = await changed.wait(None if panel is None else ticker)
                if told or reading is None:
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
    """Return what the panel shows now, or `None` if it is gone."""
    if panel is None:
        return None
    level = number(read_attribute(panel.level))
    return None if level is None else parse_level(level, panel.maximum)


def parse_panel(
    device: Path, attributes: dict[str, str], parent: str, enabled: str | None
) -> Panel | None:
    """Return an interface, or `None` if it is not an internal panel's.

    `parent` is the name of the device that the interface belongs to, and `enabled` that one's file:
    of two graphics cards with a raw interface each, one does not drive the panel.
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
