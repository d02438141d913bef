"""Topics: what a device declares about its readings, and how urgently a subscriber wants them."""

from enum import IntEnum
from typing import Any, get_origin

from msgspec import Struct

from deskwire.model.units import Seconds

BACKGROUND_INTERVAL = Seconds(10.0)
"""Shortest time between two readings, and between two updates, in the background."""


class Demand(IntEnum):
    """How often a subscriber wants a topic; the higher demand for a topic wins."""

    BACKGROUND = 1
    """Each 10 s or slower."""
    LIVE = 2
    """Each interval, and at once on a signalled change."""


class Topic(Struct, frozen=True):
    """Declaration of a device's readings."""

    name: str
    reading: Any
    """Type of a reading: a struct, or a tuple of structs."""
    absent: str = ""
    """Meaning of an empty reading, for a person: `no system battery`."""
    periodic: bool = False
    """Whether the device is polled at each interval; otherwise it signals its changes."""

    @property
    def empty(self) -> Any:
        """Reading of absent hardware: `None`, or an empty tuple where a reading is a tuple."""
        return () if get_origin(self.reading) is tuple else None
