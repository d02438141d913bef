"""A moment on the two clocks that matter.

The wall clock is what tokens carry and people read; it can be set. CLOCK_BOOTTIME only goes
forward, suspend included, and starts anew at each boot; deadlines of living things are held on it.
"""

from typing import NamedTuple

from deskwire.model.units import Seconds


class Instant(NamedTuple):
    """One moment, read on both clocks at once."""

    wall: Seconds
    """Seconds since 1970-01-01 UTC."""
    boot: Seconds
    """Seconds of CLOCK_BOOTTIME, clock_gettime(2)."""
