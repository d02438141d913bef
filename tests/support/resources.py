"""Resources for one device under test, with nothing behind those that it does not use."""

from pathlib import Path
from typing import Any

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.device import Resources
from deskwire.devices.kernel.kernel_file import Roots
from deskwire.devices.sound.address import SoundServers
from deskwire.devices.ticker import Ticker
from deskwire.model.units import Seconds


def resources(**given: Any) -> Resources:
    """Return the given resources; the kernel's are the machine's own, the others are absent."""
    absent: dict[str, Any] = {
        "roots": Roots(),
        "interval": Seconds(1.0),
        "disk": Path("/"),
        "buses": Buses(session=None, system=None),
        "sound": SoundServers(""),
        "artwork": Artwork(Path("/nonexistent")),
        "ticker": Ticker(),
    }
    return Resources(**(absent | given))
