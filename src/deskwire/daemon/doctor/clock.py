"""How the wall clock is, as far as can be known without asking anybody.

What was written here was written earlier: a clock that is behind deskwire's own files, or behind
the state's, is wrong. Whether somebody keeps it right the kernel knows, adjtimex(2).
"""

import ctypes
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import deskwire
from deskwire.auth.state_directory import DATABASE
from deskwire.daemon.doctor.health import CheckFailed, Condition

SLACK = 300.0
"""Seconds; a file server's clock may be a little ahead."""
TIME_ERROR = 5
"""What adjtimex(2) returns while nobody keeps the clock."""
TIMEX_BYTES = 512
"""Room for a `struct timex`, which has 208."""


def clock(state: Path) -> str:
    """Look at the clock; unsafe where it is behind what was written with it."""
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now))
    path, written = newest([Path(deskwire.__file__), state / DATABASE, state / f"{DATABASE}-wal"])
    if written > now + SLACK:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(written))
        why = f"it is behind: {path} was written on {when}"
        remedy = "set it, or let systemd-timesyncd do so: timedatectl set-ntp true"
        raise CheckFailed(Condition.UNSAFE, why, remedy, found=shown)
    return f"{shown}, {'kept right' if is_kept() else 'kept right by nobody'}"


def newest(paths: Iterable[Path]) -> tuple[Path, float]:
    """Return which of these files was written last, and when, of those that can be seen."""
    written: dict[Path, float] = {}
    for path in paths:
        with suppress(OSError):
            written[path] = path.stat().st_mtime
    return max(written.items(), key=lambda each: each[1])


def is_kept() -> bool:
    """Tell whether something keeps the clock with others'."""
    answer: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return answer not in {-1, TIME_ERROR}
