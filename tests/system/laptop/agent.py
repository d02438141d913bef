"""Agent in the laptop: runs the test's commands, which it reads from the second serial port.

    {"run": "shell command", "within": seconds}    ->    {"code": 0, "output": "…"}

It is process 1 of the laptop. The system's own Python runs it, so it uses only the standard
library.
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
"""Exit code of timeout(1)."""


def main(port: str) -> None:
    """Report that the laptop is up, then execute commands until the machine ends."""
    with Path(port).open("r+b", buffering=0) as line:
        tty.setraw(line.fileno())
        send(line, {"up": True})
        received = b""
        while True:
            received += line.read(4096) or b""
            while b"\n" in received:
                request, _, received = received.partition(b"\n")
                send(line, execute(json.loads(request)))
            reap_children()


def execute(request: dict[str, Any]) -> dict[str, Any]:
    """Run one command; a program that it leaves in the background must not keep its output."""
    try:
        done = subprocess.run(
            ["/usr/bin/bash", "-c", request["run"]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=request["within"],
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return {"code": TIMED_OUT, "output": (late.output or b"").decode(errors="replace")}
    return {"code": done.returncode, "output": done.stdout.decode(errors="replace")}


def send(line: RawIOBase, answer: dict[str, Any]) -> None:
    left = json.dumps(answer).encode() + b"\n"
    while left:
        left = left[line.write(left) or 0 :]


def reap_children() -> None:
    """Reap orphans that ended, as process 1 must."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main(sys.argv[1])
