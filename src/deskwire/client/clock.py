"""The two clocks, read at once; where there is no CLOCK_BOOTTIME, the monotonic one serves."""

import time

from deskwire.model.instant import Instant
from deskwire.model.units import Seconds

_BOOT: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def read_clock() -> Instant:
    """Return the present moment."""
    return Instant(wall=Seconds(time.time()), boot=Seconds(time.clock_gettime(_BOOT)))
