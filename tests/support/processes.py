"""Programs that a test starts, and their signals, CPU time, memory and descriptors.

Sources: signal(7), proc_pid_stat(5), proc_pid_status(5), clock_getcpuclockid(3).
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals
from typing import Self

from tests.support.time_scaling import patiently
from tests.support.waiting import until


class Program:
    """One program with a temporary folder; it runs while the context is entered."""

    def __init__(self, prefix: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-"))
        self.process: subprocess.Popen[bytes] | None = None
        """Set by `start()`."""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the program and wait until it accepts requests."""
        raise NotImplementedError

    def send(self, signal: Signals) -> None:
        """Send a signal: SIGSTOP makes the program hang, SIGCONT wakes it."""
        send_signal(self.pid, signal)

    def kill(self) -> None:
        self.end(SIGKILL)

    def end(self, signal: Signals) -> None:
        """End the program by a signal, also when it is stopped."""
        if self.process is not None and self.running:
            self.process.send_signal(SIGCONT)
            self.process.send_signal(signal)
            self.process.wait(patiently(5))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end(SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_silent(
    command: Sequence[object], env: Mapping[str, str], *, new_session: bool = False
) -> "subprocess.Popen[bytes]":
    """Start a program without input and output."""
    return subprocess.Popen(
        [str(word) for word in command],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=new_session,
    )


def send_signal(pid: int, signal: Signals) -> None:
    """Send a signal; after SIGSTOP, wait until every thread has stopped.

    kill(2) returns earlier, and a thread that still runs may answer one more request.
    """
    os.kill(pid, signal)
    if signal is SIGSTOP:
        until(lambda: thread_states(pid) == {"T"}, what=f"process {pid} has stopped")


def thread_states(pid: int) -> set[str]:
    """Return the states of all threads: `R` runs, `S` sleeps, `T` is stopped."""
    stats = [task / "stat" for task in Path(f"/proc/{pid}/task").iterdir()]
    return {stat.read_text(encoding="utf-8").rpartition(") ")[2][0] for stat in stats}


def cpu_milliseconds(pid: int) -> float:
    """Return the CPU time of all threads so far, user and system."""
    return time.clock_gettime(~pid << 3 | 2) * 1000


def wake_ups(pid: int) -> int:
    """Return how many times the threads have gone to sleep so far."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(_status_number(task, "voluntary_ctxt_switches") for task in tasks)


def resident_mib(pid: int) -> float:
    """Return the resident memory in MiB."""
    return _status_number(Path(f"/proc/{pid}"), "VmRSS") / 1024


def threads(pid: int) -> int:
    """Return the number of threads."""
    return _status_number(Path(f"/proc/{pid}"), "Threads")


def descriptors(pid: int) -> int:
    """Return the number of open file descriptors."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _status_number(folder: Path, name: str) -> int:
    text = folder.joinpath("status").read_text(encoding="utf-8")
    found = re.search(rf"^{name}:\s*(\d+)", text, re.MULTILINE)
    assert found, text
    return int(found[1])
