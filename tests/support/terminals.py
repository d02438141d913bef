"""Commands at terminals: a plain pseudo-terminal, an emulated one with pictures, and tmux.

Source: pty(7). `setsid --ctty` makes the terminal the command's controlling terminal, so that the
command asks there for passwords.
"""

import codecs
import fcntl
import os
import pty
import shlex
import struct
import subprocess
import tempfile
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.terminal_emulator import TerminalScreen
from tests.support.waiting import until

CELL = (10, 20)
"""Width and height of a cell in pixels."""
DA1 = "\x1b[c"
NAME = "\x1b[>q"
KITTY = "\x1b_Gi=1684370283,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
COLOURS = "\x1b[?1;1;0S"
ANSWERS = {
    "kitty": {
        NAME: "\x1bP>|kitty(0.42.1)\x1b\\",
        DA1: "\x1b[?62;52;c",
        KITTY: "\x1b_Gi=1684370283;OK\x1b\\",
    },
    "xterm": {
        NAME: "\x1bP>|XTerm(379)\x1b\\",
        DA1: "\x1b[?63;1;2;4;6;9;15;16;22;28c",
        COLOURS: "\x1b[?1;0;16S",
    },
    "mlterm": {DA1: "\x1b[?63;1;2;3;4;7;29c"},
    "tmux": {NAME: "\x1bP>|tmux 3.3a\x1b\\", DA1: "\x1b[?1;2c"},
    "tmux with sixels": {NAME: "\x1bP>|tmux 3.5a\x1b\\", DA1: "\x1b[?1;2;4c"},
    "plain": {DA1: "\x1b[?6c"},
    "mute": {},
}
"""Recorded answers of terminals to each query."""


class PtyProgram:
    """One command on a pseudo-terminal, started when entered."""

    def __init__(self, words: Sequence[object], env: Mapping[str, str]) -> None:
        self._words = [str(word) for word in words]
        self._env = env
        self._pty = -1
        self._process: subprocess.Popen[bytes] | None = None

    def press(self, keys: str) -> None:
        """Type these characters."""
        os.write(self._pty, keys.encode())

    def _ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def _set_size(self) -> None:
        """Set the size of the terminal before the command starts."""

    def _start(self) -> None:
        self._pty, remote = pty.openpty()
        self._set_size()
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *self._words],
            env=self._env,
            stdin=remote,
            stdout=remote,
            stderr=remote,
        )
        os.close(remote)

    def _kill(self) -> None:
        assert self._process is not None
        if not self._ended():
            self._process.kill()
            self._process.wait(5)


class Terminal(PtyProgram):
    """Terminal whose output a test reads as text."""

    def __init__(self, words: Sequence[object], env: Mapping[str, str]) -> None:
        super().__init__(words, {**env, "TERM": "dumb"})
        self.output = ""
        """Output so far, since the last `answer()`."""

    def answer(self, question: str, line: str) -> None:
        """Wait for a question, then type a line."""
        self.wait_for(question)
        self.output = ""
        self.press(f"{line}\n")

    def wait_for(self, text: str, *, within: float = 15.0) -> None:
        """Wait until the command has printed a text."""
        until(lambda: text in self._read(), within=within, what=f"{text!r} in {self.output!r}")

    def wait(self, *, within: float = 15.0) -> int:
        """Wait for the end of the command; return its exit code."""
        assert self._process is not None
        until(lambda: (self._read(), self._ended())[1], within=within, what="the command ended")
        self._read()
        return self._process.wait(1)

    def _read(self) -> str:
        with suppress(OSError):
            received = os.read(self._pty, 65536).decode(errors="replace")
            self.output += received.replace("\r\n", "\n")
        return self.output

    def __enter__(self) -> Self:
        self._start()
        os.set_blocking(self._pty, False)
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        os.close(self._pty)


class PictureTerminal(PtyProgram):
    """Emulated terminal that answers the queries in `answers` and no other."""

    def __init__(
        self,
        words: Sequence[object],
        env: Mapping[str, str],
        answers: Mapping[str, str],
        *,
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        super().__init__(words, {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
        self._answers = answers
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._receive, name="picture terminal")
        self._written = ""
        self._incomplete = ""
        self._unanswered = ""
        self.screen = TerminalScreen(columns, rows, CELL)
        self.queries: list[str] = []
        """Queries that were recognised, in order."""

    def resize(self, columns: int, rows: int) -> None:
        """Change the size; the content stays where it is."""
        self.screen.columns, self.screen.rows = columns, rows
        self._set_size()

    def wait_for(
        self, condition: Callable[[TerminalScreen], object], *, within: float = 20.0
    ) -> TerminalScreen:
        """Wait until the screen meets a condition."""
        try:
            until(lambda: condition(self._read()), within=within)
        except AssertionError:
            screen = self.screen
            state = f"{sorted(screen.covered)} {screen.events}\n{screen.text}"
            raise AssertionError(state) from None
        return self.screen

    def wait_for_text(self, text: str, *, within: float = 20.0) -> TerminalScreen:
        """Wait until a text is on the screen."""
        return self.wait_for(lambda screen: text in screen.text, within=within)

    def wait(self, *, within: float = 20.0) -> int:
        """Wait for the end of the command; return its exit code."""
        assert self._process is not None
        until(self._ended, within=within, what="the command ended")
        self._reader.join(within)
        self._read()
        return self._process.wait(1)

    @property
    def echoes(self) -> bool:
        """Whether the terminal echoes typed characters, which a full-screen program turns off."""
        return bool(termios.tcgetattr(self._pty)[3] & termios.ECHO)

    def _read(self) -> TerminalScreen:
        with self._lock:
            written, self._written = self._written, ""
        self._incomplete = self.screen.feed(self._incomplete + written)
        return self.screen

    def _receive(self) -> None:
        """Receive output and answer queries at once, before the program gives up waiting."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        with suppress(OSError):  # raised when the command has closed its end
            while received := os.read(self._pty, 65536):
                text = decoder.decode(received)
                with self._lock:
                    self._written += text
                self._answer(text)

    def _answer(self, text: str) -> None:
        self._unanswered += text
        while found := [
            (self._unanswered.find(query), query)
            for query in (DA1, NAME, KITTY, COLOURS)
            if query in self._unanswered
        ]:
            at, query = min(found)
            self._unanswered = self._unanswered[at + len(query) :]
            self.queries.append(query)
            self.press(self._answers.get(query, ""))

    def _set_size(self) -> None:
        columns, rows = self.screen.columns, self.screen.rows
        size = struct.pack("HHHH", rows, columns, columns * CELL[0], rows * CELL[1])
        fcntl.ioctl(self._pty, termios.TIOCSWINSZ, size)

    def __enter__(self) -> Self:
        self._start()
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self._reader.join(10)
        os.close(self._pty)


class Tmux:
    """One command in a tmux server of its own, without anyone's settings.

    A shell around the command keeps its exit code, because tmux sometimes misses it.
    """

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
        self._temporary = tempfile.TemporaryDirectory(prefix="tmux-")
        self._folder = Path(self._temporary.name)

    def press(self, *keys: str) -> None:
        """Press keys by their names in tmux: `Space`, `Down`, `q`."""
        self._tmux("send-keys", "-t", "top", *keys)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-t", "top", "-x", str(columns), "-y", str(rows))

    @property
    def screen(self) -> str:
        """Text on the screen."""
        return self._tmux("capture-pane", "-p", "-t", "top")

    @property
    def painted(self) -> str:
        """Text on the screen with escape sequences of its colours."""
        return self._tmux("capture-pane", "-p", "-e", "-t", "top")

    def wait_for(self, text: str, *, within: float = 15.0) -> str:
        """Wait until a text is on the screen; return the screen."""
        try:
            return until(lambda: screen if text in (screen := self.screen) else None, within=within)
        except AssertionError:
            raise AssertionError(f"{text!r} is not on the screen:\n{self.screen}") from None

    def wait(self, *, within: float = 15.0) -> int:
        """Wait for the end of the command; return its exit code."""
        return int(until(lambda: self._read("status"), within=within, what="the command ended"))

    @property
    def pid(self) -> int:
        """Process id of the command."""
        return int(until(lambda: self._read("pid"), what="the command started"))

    def _read(self, name: str) -> str:
        return (self._folder / name).read_text(encoding="utf-8").strip()

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._folder / "tmux", "-f", "/dev/null", *words],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
        assert done.returncode == 0, f"tmux {words}: {done.stderr}"
        return done.stdout

    def __enter__(self) -> Self:
        columns, rows = self._size
        command = f"echo $$ >{self._folder}/pid; exec {shlex.join(self._words)}"
        self._tmux(
            *("new-session", "-d", "-s", "top", "-x", str(columns), "-y", str(rows)),
            f"sh -c {shlex.quote(command)}; echo $? >{self._folder}/status; exec sleep 3600",
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server")
        self._temporary.cleanup()
