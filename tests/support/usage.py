"""What a process uses: processor time, wake-ups, memory, descriptors; all its threads together.

Source: clock_getcpuclockid(3) for a clock with nanoseconds (proc_pid_stat(5) has hundredths of a
second); proc_pid_status(5).
"""

import re
import time
from pathlib import Path


def cpu_milliseconds(pid: int) -> float:
    """Return user and system time used so far."""
    return time.clock_gettime(~pid << 3 | 2) * 1000


def wake_ups(pid: int) -> int:
    """Return how often it has gone to sleep so far, which is as often as it was woken."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(number_in(thread, "voluntary_ctxt_switches") for thread in threads)


def resident_mib(pid: int) -> float:
    """Return the memory it has resident now."""
    return number_in(Path(f"/proc/{pid}"), "VmRSS") / 1024


def descriptors(pid: int) -> int:
    """Return how many files, sockets and the like it holds open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    """Return how many threads it has."""
    return number_in(Path(f"/proc/{pid}"), "Threads")


def number_in(folder: Path, name: str) -> int:
    """Return one number out of a status file."""
    text = folder.joinpath("status").read_text(encoding="utf-8")
    found = re.search(rf"^{name}:\s*(\d+)", text, re.MULTILINE)
    assert found, text
    return int(found[1])
