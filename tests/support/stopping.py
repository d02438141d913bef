"""Signals to a program, of which one takes a moment: SIGSTOP.

kill(2) returns before every thread has stopped, and one that has not may answer once more. Source:
signal(7), proc_pid_stat(5).
"""

import os
from pathlib import Path
from signal import SIGSTOP, Signals

from tests.support.waiting import until


def send(pid: int, how: Signals) -> None:
    """Send a signal; after SIGSTOP, wait until nothing of the program runs."""
    os.kill(pid, how)
    if how is SIGSTOP:
        until(lambda: set(states(pid)) == {"T"}, what=f"process {pid} has stopped")


def states(pid: int) -> list[str]:
    """Return what each thread of a process does: `R` runs, `S` sleeps, `T` is stopped."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [(task / "stat").read_text(encoding="utf-8").rpartition(") ")[2][0] for task in tasks]
