"""Clocks of a suspended machine, in a daemon that a test starts; see clock_gettime(2).

Python imports this file before the program if PYTHONPATH names its folder. The file that SUSPENDED
names holds the seconds that the machine has slept. CLOCK_BOOTTIME and CLOCK_REALTIME include them;
CLOCK_MONOTONIC and the event loop do not.
"""

import os
import time
from pathlib import Path

_file = Path(os.environ["SUSPENDED"])
_clock_gettime, _time = time.clock_gettime, time.time


def slept() -> float:
    """Return the seconds that the machine has slept."""
    return float(_file.read_text(encoding="ascii"))


def clock_gettime(clock: int) -> float:
    includes_sleep = clock in {time.CLOCK_BOOTTIME, time.CLOCK_REALTIME}
    return _clock_gettime(clock) + (slept() if includes_sleep else 0.0)


time.clock_gettime = clock_gettime
time.time = lambda: _time() + slept()
