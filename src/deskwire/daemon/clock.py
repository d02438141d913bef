"""The two clocks, read at once."""

import time

from deskwire.model.instant import Instant
from deskwire.model.units import Seconds


def read_clock() -> Instant:
    """Return the present moment."""
    boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return Instant(wall=Seconds(time.time()), boot=Seconds(boot))
