"""Clocks of a daemon that differ from the machine's: faster, stepped or suspended.

Debian's faketime, preloaded. Version 0.9.10 fakes CLOCK_REALTIME, CLOCK_MONOTONIC and
CLOCK_BOOTTIME for Python's `time` and for the event loop, whose epoll_wait(2) it shortens to match.
Sped up or leaping, all three start at the wall clock's time. With FAKETIME_DONT_FAKE_MONOTONIC it
changes CLOCK_REALTIME only. The kernel's own timers (TCP) and files (/proc/uptime) do not change.
"""

from pathlib import Path

SUSPENDED = Path(__file__).parent / "suspended"
PRELOAD = str(next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")))


def sped_up(factor: int) -> dict[str, str]:
    """Return an environment in which all clocks run this many times as fast."""
    return {"LD_PRELOAD": PRELOAD, "FAKETIME": f"+0 x{factor}"}


class SteppedClocks:
    """Clocks that a test steps while a program runs: the wall clock, or all of them."""

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
        """Set them this far ahead of the machine's; faketime reads the file at each call."""
        replace(self._file, f"{seconds:+d}\n")


class SuspendedClock:
    """Monotonic clock that stops while the machine sleeps; the other clocks continue."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "slept"
        self.env = {"PYTHONPATH": str(SUSPENDED), "SUSPENDED": str(self._file)}
        self.sleep(0)

    def sleep(self, seconds: int) -> None:
        """Set how long the machine has slept in total."""
        replace(self._file, str(seconds))


def replace(file: Path, text: str) -> None:
    """Replace the content of a file at once."""
    new = file.with_suffix(".new")
    new.write_text(text, encoding="ascii")
    new.rename(file)
