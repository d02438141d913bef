"""Brightness of the internal panel.

Source: /sys/class/backlight, Documentation/ABI/stable/sysfs-class-backlight: if one panel has
several interfaces, firmware comes before platform, and both before raw. Among equals, the first
internal connector that is enabled decides: eDP-1 before eDP-2. An interface belongs to its parent
if that is a connector. If the parent is a graphics card, it belongs to the card's connectors.
External monitors, second displays in a keyboard and touch bars are left out.

The level is `actual_brightness`, which the hardware shows. On amdgpu it is `brightness`,
because `actual_brightness` has another scale on old kernels and follows a curve on new ones.

The kernel sends a uevent for every change that it makes itself. Firmware may change a panel without
one, so the file is also read once a second while there is a panel. The read is quick and runs on
the event loop; a thread would cost 20 times as much. A container gets no uevents, and a connector
that is enabled sends none about its panel, so the panel is also searched from time to time.
"""

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from deskwire.devices.dbus.logind import call_session
from deskwire.devices.device import Device, Resources
from deskwire.devices.kernel.sysfs import devices, number, read_attribute, read_attributes
from deskwire.devices.kernel.uevents import uevents
from deskwire.devices.ticker import ChangeFlag
from deskwire.model.commands import Command
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Backlight
from deskwire.model.topics import Topic
from deskwire.model.units import Percent, Seconds

SUBSYSTEM = "backlight"
COMMAND_TIMEOUT = Seconds(1.0)
EVERY = Seconds(1.0)
SEARCH_EVERY = Seconds(2.0)
"""Interval of the search while there is no panel."""
SEARCH_AGAIN = Seconds(10.0)
"""Time after which the search is repeated although there is a panel."""
PREFERENCE = ("firmware", "platform", "raw")
CONNECTOR = re.compile(r"card(\d+)-(.+?)(?:-(\d+))?")
"""Name of a DRM connector: card, kind and number."""
INTERNAL = ("eDP", "LVDS", "DSI", "DPI", "Embedded DisplayPort")
"""Kinds of internal connectors, in order of preference."""
NOT_THE_PANEL = ("ddcci", "appledisplay", "asus_screenpad", "appletb_backlight")
"""Prefixes of interfaces to other displays.

They are external monitors (DDC/CI and USB), the second display of a laptop and a touch bar.
"""
USB_OR_HID = re.compile(r"\d+-[\d.]+:\d+\.\d+|[0-9A-Fa-f]{4}(:[0-9A-Fa-f]{4}){2}\.[0-9A-Fa-f]{4}")
"""Name of a USB interface or HID device; neither is the parent of an internal panel."""


class Connector(NamedTuple):
    """One DRM connector; the order is that of preference."""

    disabled: bool
    kind: int
    number: int
    card: int


NO_CONNECTOR = Connector(disabled=False, kind=len(INTERNAL), number=0, card=0)
"""For an interface whose connector is unknown: behind the enabled, before the disabled ones."""


class Panel(Struct, frozen=True):
    """One interface to a panel's brightness."""

    level: Path
    """File with the level."""
    maximum: int
    rank: tuple[bool, int, Connector, str]
    """Whether the panel is disabled, type, connector, name; the lowest rank is read."""


class SetBacklight(Command, frozen=True):
    """Set the brightness of the internal panel."""

    name = "backlight.set"
    level: Annotated[
        Percent, Meta(ge=0, le=100, description="New level; below 1 it is the darkest visible one")
    ]


class BacklightDevice(Device[Backlight]):
    """The internal panel's brightness, from uevents and a read each second."""

    topic = Topic("backlight", Backlight, absent="no internal panel with a backlight")
    commands = (SetBacklight,)

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self._sys = resources.roots.sys
        self._buses = resources.buses
        self.via = f"{self._sys}/class/{SUBSYSTEM}"

    async def watch(self) -> AsyncGenerator[Backlight | None, None]:
        """Yield the present brightness, then each that differs; never raises."""
        clock = asyncio.get_running_loop().time
        changed = ChangeFlag()
        with uevents(changed.set, SUBSYSTEM):
            panel, searched = await asyncio.to_thread(find_panel, self._sys), clock()
            reading = read_panel(panel)
            yield reading
            while True:
                interval = SEARCH_EVERY if panel is None else EVERY
                signalled = await changed.wait(self.pace, interval)
                if signalled or reading is None or clock() - searched >= SEARCH_AGAIN:
                    panel, searched = await asyncio.to_thread(find_panel, self._sys), clock()
                last, reading = reading, read_panel(panel)
                if reading != last:
                    yield reading

    async def perform(self, command: Command) -> None:
        """Have logind set the brightness within 1 s, which needs no rights of root.

        Raises `DeviceUnavailable` and `OutOfScope`.
        """
        assert isinstance(command, SetBacklight)
        panel = await asyncio.to_thread(find_panel, self._sys)
        if panel is None:
            raise DeviceUnavailable("there is no internal panel")
        name, level = panel.level.parent.name, raw_level(command.level, panel.maximum)
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT), self._buses.system() as bus:
                await call_session(bus, "SetBrightness", "ssu", SUBSYSTEM, name, level)
        except TimeoutError:
            raise DeviceUnavailable("logind does not answer") from None


def find_panel(sys: Path) -> Panel | None:
    """Return the interface to read, or `None` if there is no internal panel."""
    found = []
    for device in devices(sys, SUBSYSTEM):
        attributes = read_attributes(device, ("type", "max_brightness", "actual_brightness"))
        parent = (device / "device").resolve()
        if is_internal(device.name, parent):
            panel = parse_panel(device, attributes, best_connector(connectors_of(parent)))
            if panel is not None:
                found.append(panel)
    return min(found, key=lambda panel: panel.rank, default=None)


def read_panel(panel: Panel | None) -> Backlight | None:
    """Return the panel's level, or `None` if it has been removed."""
    if panel is None:
        return None
    level = number(read_attribute(panel.level))
    return None if level is None else parse_level(level, panel.maximum)


def is_internal(name: str, parent: Path) -> bool:
    """Return whether an interface may belong to an internal panel, by its name and its parent."""
    on_usb = any(re.fullmatch(r"usb\d+", part) for part in parent.parts)
    if name.startswith(NOT_THE_PANEL) or on_usb or USB_OR_HID.fullmatch(parent.name):
        return False
    connector = CONNECTOR.fullmatch(parent.name)
    return connector is None or connector[2] in INTERNAL


def connectors_of(parent: Path) -> list[tuple[str, str | None]]:
    """Return the name and the attribute `enabled` of the parent's connectors.

    The parent is a connector itself, or a graphics card with connectors.
    """
    folders = [parent]
    if not CONNECTOR.fullmatch(parent.name):
        with suppress(OSError):
            folders = list(parent.glob("drm/card*/card*-*"))
    return [(folder.name, read_attribute(folder / "enabled")) for folder in folders]


def best_connector(found: Iterable[tuple[str, str | None]]) -> Connector:
    """Return the preferred one of the internal connectors, or `NO_CONNECTOR` without any."""
    parsed = []
    for name, enabled in found:
        match = CONNECTOR.fullmatch(name)
        if match is not None and match[2] in INTERNAL:
            kind, card = INTERNAL.index(match[2]), int(match[1])
            parsed.append(Connector(enabled == "disabled", kind, int(match[3] or 0), card))
    return min(parsed, default=NO_CONNECTOR)


def parse_panel(device: Path, attributes: dict[str, str], connector: Connector) -> Panel | None:
    """Parse an interface; `None` if it has no range or an unknown type."""
    maximum = number(attributes.get("max_brightness"))
    kind = attributes.get("type", "raw")
    if not maximum or maximum < 0 or kind not in PREFERENCE:
        return None
    requested = device.name.startswith("amdgpu") or "actual_brightness" not in attributes
    level = device / ("brightness" if requested else "actual_brightness")
    rank = (connector.disabled, PREFERENCE.index(kind), connector, device.name)
    return Panel(level, maximum, rank)


def raw_level(level: Percent, maximum: int) -> int:
    """Return the kernel's number for a level, never 0, because some panels are black at 0."""
    return max(1, math.ceil(maximum / 100), round(maximum * level / 100))


def parse_level(level: int, maximum: int) -> Backlight:
    """Return whole percent of the maximum, halves rounded up, within 0 and 100."""
    percent = (200 * level + maximum) // (2 * maximum)
    return Backlight(Percent(min(max(percent, 0), 100)))
