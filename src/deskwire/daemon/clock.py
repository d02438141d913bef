"""The two clocks, read at once, and the boot they belong to."""

import hashlib
import time
from pathlib import Path

from deskwire.model.instant import Instant
from deskwire.model.units import Seconds

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def read_clock() -> Instant:
    """Return the present moment."""
    boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return Instant(wall=Seconds(time.time()), boot=Seconds(boot))


def boot_identity() -> str:
    """Return a short name of this boot, which tells nothing of the kernel's own, random(4)."""
    return hashlib.sha256(b"deskwire boot " + BOOT_ID.read_bytes().strip()).hexdigest()[:16]
