"""A command in a terminal that has a screen: keys are typed, and what is on the screen is read.

tmux(1) is the terminal, a server of its own for each, with no settings of anybody's. A shell around
the command keeps its exit code: tmux sometimes misses the end of what it runs.
"""

import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import until


class Tmux:
    """One command on one screen; entering starts it."""

    def __init__(
        self,
        words: Sequence[object],
        env: Mapping[str, str],
        *,
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        self._words = [str(word) for word in words]
        self._env = {**env, "TERM": "tmux-256color", "COLORTERM": "truecolor"}
        self._size = (columns, rows)
        self._folder = tempfile.TemporaryDirectory(prefix="tmux-")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: `Space`, `Down`, `q`."""
        self._tmux("send-keys", "-t", "top", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        self._tmux("resize-window", "-t", "top", "-x", str(columns), "-y", str(rows))

    @property
    def screen(self) -> str:
        """What is on the screen."""
        return self._tmux("capture-pane", "-p", "-t", "top")

    @property
    def painted(self) -> str:
        """What is on the screen, with its colours as escape sequences."""
        return self._tmux("capture-pane", "-p", "-e", "-t", "top")

    def see(self, words: str, *, within: float = 15.0) -> str:
        """Wait until this is on the screen; return the screen."""
        try:
            return until(
                lambda: screen if words in (screen := self.screen) else None,
                within=within,
                what=f"{words!r} on the screen",
            )
        except AssertionError:
            raise AssertionError(f"{words!r} is not on the screen:\n{self.screen}") from None

    def wait(self, *, within: float = 15.0) -> int:
        """Wait for the command's end; return its exit code."""
        return int(until(lambda: self._read("status"), within=within, what="it has ended"))

    @property
    def pid(self) -> int:
        """The command's process id."""
        return int(until(lambda: self._read("pid"), what="it has begun"))

    def _read(self, name: str) -> str:
        return (Path(self._folder.name) / name).read_text(encoding="utf-8").strip()

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *words],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
        assert done.returncode == 0, f"tmux {words}: {done.stderr}"
        return done.stdout

    @property
    def _socket(self) -> Path:
        return Path(self._folder.name) / "tmux"

    def __enter__(self) -> Self:
        columns, rows = self._size
        folder = self._folder.name
        begin = f"echo $$ >{folder}/pid; exec {shlex.join(self._words)}"
        self._tmux(
            *("new-session", "-d", "-s", "top", "-x", str(columns), "-y", str(rows)),
            f"sh -c {shlex.quote(begin)}; echo $? >{folder}/status; exec sleep 3600",
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tmux("kill-server")
        self._folder.cleanup()
