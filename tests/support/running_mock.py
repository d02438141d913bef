"""`deskwire mock` as a program of its own, for as long as a test needs it."""

import os
import re
import subprocess
from pathlib import Path
from signal import SIGINT
from types import TracebackType
from typing import Self

from tests.support.desk import PROGRAM
from tests.support.logs import LOGS
from tests.support.time_scaling import patiently
from tests.support.waiting import until

ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLUMNS": "200"}
PASSWORD = "only-a-rehearsal"


class RunningMock:
    """`deskwire mock` in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str, given: str = "") -> None:
        self.out = folder / "mock.out"
        self.err = folder / "mock.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [PROGRAM, "mock", "--port", "0", *arguments],
                env={**ENV, "TMPDIR": str(folder)},
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
            )
        assert self.process.stdin is not None
        self.process.stdin.write(given.encode())
        self.process.stdin.close()
        ready = until(
            lambda: re.search(r"^deskwire is ready at (\S+)$", self.said, re.MULTILINE), within=10
        )
        self.address = ready[1]
        found = re.search(r"^certificate SHA-256 (\S+)$", self.said, re.MULTILINE)
        self.fingerprint = found[1] if found else ""

    @property
    def said(self) -> str:
        return self.out.read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        return self.err.read_text(encoding="utf-8")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(SIGINT)
        return self.process.wait(patiently(5))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if problem is None:
            LOGS.take(self.log, [PASSWORD])
