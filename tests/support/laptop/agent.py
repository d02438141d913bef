"""In the laptop: obeys the test, one JSON object a line each way, over the second serial port.

    {"run": "shell command", "within": seconds}    ->    {"code": 0, "said": "what it printed"}

It is the laptop's process 1. Only the standard library, for the system's own Python runs it.
"""

import json
import os
import subprocess
import sys
import tty
from contextlib import suppress
from io import RawIOBase
from pathlib import Path
from typing import Any

TIMED_OUT = 124
"""What timeout(1) says too."""


def main(port: str) -> None:
    """Say that the laptop is up, then obey until the machine ends."""
    with Path(port).open("r+b", buffering=0) as line:
        tty.setraw(line.fileno())
        say(line, {"up": True})
        unread = b""
        while True:
            unread += line.read(4096) or b""
            while b"\n" in unread:
                order, _, unread = unread.partition(b"\n")
                say(line, obey(json.loads(order)))
            bury()


def obey(order: dict[str, Any]) -> dict[str, Any]:
    """Run one command to its end; what it left in the background must not hold its output."""
    try:
        done = subprocess.run(
            ["/usr/bin/bash", "-c", order["run"]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=order["within"],
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return {"code": TIMED_OUT, "said": (late.output or b"").decode(errors="replace")}
    return {"code": done.returncode, "said": done.stdout.decode(errors="replace")}


def say(line: RawIOBase, answer: dict[str, Any]) -> None:
    """Send one line, whole."""
    left = json.dumps(answer).encode() + b"\n"
    while left:
        left = left[line.write(left) or 0 :]


def bury() -> None:
    """Take note of orphans that ended, as process 1 must."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main(sys.argv[1])
