"""A command at a terminal of its own: what it prints is read, and what it asks is answered.

Source: pty(7); `setsid --ctty` makes the terminal the command's own, so that it is asked there
for passwords.
"""

import contextlib
import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from tests.support.waiting import until


class Terminal:
    """One command; entering starts it."""

    def __init__(self, words: Sequence[object], env: Mapping[str, str]) -> None:
        self._words = [str(word) for word in words]
        self._env = {**env, "TERM": "dumb"}
        self._ours = -1
        self._process: subprocess.Popen[bytes] | None = None
        self.said = ""
        """Everything it printed so far."""

    def answer(self, question: str, line: str) -> None:
        """Wait until this has been asked, then type a line."""
        self.see(question)
        self.said = ""
        os.write(self._ours, line.encode() + b"\n")

    def press(self, keys: str) -> None:
        """Type something, and no more."""
        os.write(self._ours, keys.encode())

    def see(self, words: str, *, within: float = 15.0) -> None:
        """Wait until it has printed this."""
        until(lambda: words in self._read(), within=within, what=f"{words!r} in {self.said!r}")

    def wait(self, *, within: float = 15.0) -> int:
        """Wait for its end; return its exit code."""
        assert self._process is not None
        until(lambda: (self._read(), self._ended())[1], within=within, what="it has ended")
        self._read()
        return self._process.wait(1)

    def _ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def _read(self) -> str:
        with contextlib.suppress(OSError):
            self.said += os.read(self._ours, 65536).decode(errors="replace").replace("\r\n", "\n")
        return self.said

    def __enter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *self._words],
            env=self._env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        if not self._ended():
            self._process.kill()
            self._process.wait(5)
        os.close(self._ours)
