"""In a daemon that a test suspends: two of its clocks have gone on, as in clock_gettime(2).

Python takes this file up before the program, where PYTHONPATH names its folder. `SUSPENDED` names a
file that says for how many seconds the machine has slept. CLOCK_BOOTTIME and CLOCK_REALTIME
count them; CLOCK_MONOTONIC, and with it the event loop, knows nothing of them.
"""

import os
import time
from pathlib import Path

_file = Path(os.environ["SUSPENDED"])
_clock_gettime, _time = time.clock_gettime, time.time


def slept() -> float:
    """Return for how long."""
    return float(_file.read_text(encoding="ascii"))


def clock_gettime(clock: int) -> float:
    """Return a clock's time."""
    goes_on = clock in {time.CLOCK_BOOTTIME, time.CLOCK_REALTIME}
    return _clock_gettime(clock) + (slept() if goes_on else 0.0)


time.clock_gettime = clock_gettime
time.time = lambda: _time() + slept()
