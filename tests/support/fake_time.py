"""Clocks for a daemon that are not the machine's: faster, stepped, or leaping.

Debian's faketime, preloaded. Found by trying version 0.9.10: CLOCK_REALTIME, CLOCK_MONOTONIC and
CLOCK_BOOTTIME are all faked, for Python's `time` and for the event loop, whose epoll_wait(2) is
shortened to match; sped up or leaping, all three begin at the wall clock's time; with
FAKETIME_DONT_FAKE_MONOTONIC only CLOCK_REALTIME is touched. The kernel's own timers (TCP) and files
(/proc/uptime) stay as they are.
"""

import base64
import json
from pathlib import Path

SUSPENDED = Path(__file__).parent / "suspended"
PRELOAD = str(next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")))


def sped_up(times: int) -> dict[str, str]:
    """Return the environment in which all clocks go so many times as fast."""
    return {"LD_PRELOAD": PRELOAD, "FAKETIME": f"+0 x{times}"}


class Clocks:
    """Clocks that can be set while a program runs: the wall clock alone, or all of them."""

    def __init__(self, folder: Path, *, wall_only: bool) -> None:
        self._file = folder / "clocks"
        self.env = {
            "LD_PRELOAD": PRELOAD,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            **({"FAKETIME_DONT_FAKE_MONOTONIC": "1"} if wall_only else {}),
        }
        self.set(0)

    def set(self, seconds: int) -> None:
        """Put them so far ahead of the machine's."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        new.rename(self._file)  # faketime reads it at every look at a clock


class Suspend:
    """A machine that sleeps: its monotonic clock stands still meanwhile, the others go on."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "slept"
        self.env = {"PYTHONPATH": str(SUSPENDED), "SUSPENDED": str(self._file)}
        self.sleep(0)

    def sleep(self, seconds: int) -> None:
        """Have slept for so long in all."""
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds), encoding="ascii")
        new.rename(self._file)


def claims(token: str) -> dict[str, int]:
    """Return what a token says, unverified."""
    body = token.split(".")[1]
    told: dict[str, int] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return told
