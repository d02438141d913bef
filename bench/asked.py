"""A daemon that can be asked how many tasks it has: the same program, asked by a signal.

    python -P bench/asked.py FILE deskwire serve …

The daemon does not export this number. So this program runs the daemon as it is, in this process,
and at each SIGUSR1 a line with the number of the event loop's tasks is added to FILE.
Source: signal(7); Python runs a handler between two bytecodes of the main thread, where the loop
is.
"""

import asyncio
import os
import runpy
import signal
import sys
from pathlib import Path

PROGRAM = Path(__file__)


def asked(file: Path) -> list[str]:
    """Return what stands before a daemon's command so that it can be asked."""
    return [sys.executable, "-P", str(PROGRAM), str(file)]


def ask(pid: int) -> None:
    """Ask; the answer is in the file soon."""
    os.kill(pid, signal.SIGUSR1)


def answers(file: Path) -> list[int]:
    """Return what was answered so far."""
    return [int(line) for line in file.read_text(encoding="ascii").splitlines()]


def run(file: Path, command: list[str]) -> None:
    """Be that program, and answer."""

    def answer(*_: object) -> None:
        with file.open("a", encoding="ascii") as values:
            values.write(f"{len(asyncio.all_tasks())}\n")

    file.touch()
    signal.signal(signal.SIGUSR1, answer)
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2:])
