"""A moment on two clocks, and the one function that reads them.

Tokens and people use the wall clock, which can be set. CLOCK_BOOTTIME only goes forward, counts
suspend and restarts at each boot. All deadlines in a process use it.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from deskwire.model.units import Seconds

_BOOT_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""CLOCK_MONOTONIC on systems without CLOCK_BOOTTIME, where only the client runs."""


class Instant(NamedTuple):
    """One moment, read on both clocks at once."""

    wall: Seconds
    """Seconds since 1970-01-01 UTC."""
    boot: Seconds
    """Seconds of CLOCK_BOOTTIME, clock_gettime(2)."""


Clock = Callable[[], Instant]


def read_clock() -> Instant:
    """Return the present moment."""
    boot = time.clock_gettime(_BOOT_CLOCK)
    return Instant(wall=Seconds(time.time()), boot=Seconds(boot))


def local_time(wall: float | None = None) -> time.struct_time:
    """Return the local time of a moment, by default now; reads the system's time zone again.

    The zone of a desk changes while it runs, for example when a laptop travels.
    """
    time.tzset()
    return time.localtime(wall)


def time_until(moment: Instant, boot: str, *, now: Instant, this_boot: str) -> Seconds:
    """Return the time from `now` to `moment`, a record made in `boot`; negative if it is past.

    CLOCK_BOOTTIME decides within the same boot: it includes suspend and cannot be set. After a
    reboot only the wall clock can compare the two.
    """
    if boot == this_boot:
        return Seconds(moment.boot - now.boot)
    return Seconds(moment.wall - now.wall)
