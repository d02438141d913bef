"""A program as its whole tree of processes: what it has used of the processor, and its memory.

Source: clock_getcpuclockid(3), which counts a process with the threads that have ended, to the
nanosecond; proc_pid_smaps_rollup(5): resident is what `ps` says, proportional shares what is
shared.
"""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM


def tree(pid: int) -> list[int]:
    """Return the process and all that came of it."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            after_name = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
            children.setdefault(int(after_name.split()[1]), []).append(int(status.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Return user and system time of these processes so far."""
    used = 0.0
    for pid in pids:
        with suppress(OSError):
            used += time.clock_gettime(~pid << 3 | 2)
    return used


def modest_seconds(pid: int) -> float:
    """Return the processor time of a process's threads that yield to others (a niceness above 0).

    Source: proc_pid_stat(5), field 19; the kernel's sched-stats for nanoseconds.
    """
    used = 0.0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        fields = thread.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        if int(fields[16]) > 0:
            used += int(thread.joinpath("schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    return used


def memory_mib(pids: list[int], kind: str = "Rss") -> float:
    """Return memory of these processes, `Rss` or `Pss`."""
    kib = 0
    for pid in pids:
        with suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            kib += sum(map(int, re.findall(rf"^{kind}:\s+(\d+)", text, re.MULTILINE)))
    return kib / 1024


@contextmanager
def running(
    words: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program beside us; it is ended on leaving."""
    with subprocess.Popen(
        words,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as program:
        try:
            yield program
        finally:
            pids = tree(program.pid)
            program.send_signal(SIGTERM)
            try:
                program.wait(3)
            except subprocess.TimeoutExpired:
                program.send_signal(SIGKILL)
            for pid in pids[1:]:
                with suppress(OSError):
                    Path(f"/proc/{pid}/stat").read_bytes()
                    subprocess.run(["kill", "-9", str(pid)], check=False, capture_output=True)
