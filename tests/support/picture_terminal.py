"""A command at a terminal that says what it can show: what is then painted can be looked at.

Source: pty(7). It answers the questions it is told to, and no other.
"""

import codecs
import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from tests.support.terminal_emulator import Glass
from tests.support.waiting import until

CELL = (10, 20)
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
"""What terminals say, by the question; taken down from them."""


class PictureTerminal:
    """One command; entering starts it."""

    def __init__(
        self,
        words: Sequence[object],
        env: Mapping[str, str],
        answers: Mapping[str, str],
        *,
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        self._words = [str(word) for word in words]
        self._env = {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._answers = answers
        self._ours = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._listening = threading.Thread(target=self._listen, name="picture terminal")
        self._written = ""
        self._rest = ""
        self._heard = ""
        self.glass = Glass(columns, rows, CELL)
        self.asked: list[str] = []
        """The questions that were understood, in order."""

    def press(self, keys: str) -> None:
        """Type something."""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Give it another size; what was on it stays where it is."""
        self.glass.columns, self.glass.rows = columns, rows
        self._set_size()

    def see(self, condition: Callable[[Glass], object], *, within: float = 20.0) -> Glass:
        """Wait until the screen is so."""
        try:
            until(lambda: condition(self._read()), within=within, what="the screen is so")
        except AssertionError:
            glass = self.glass
            raise AssertionError(f"{sorted(glass.covered)} {glass.events}\n{glass.text}") from None
        return self.glass

    def see_text(self, words: str, *, within: float = 20.0) -> Glass:
        """Wait until this is on the screen."""
        return self.see(lambda glass: words in glass.text, within=within)

    def wait(self, *, within: float = 20.0) -> int:
        """Wait for its end; return its exit code."""
        assert self._process is not None
        until(self._ended, within=within, what="it has ended")
        self._listening.join(within)
        self._read()
        return self._process.wait(1)

    @property
    def echoes(self) -> bool:
        """Whether it shows what is typed, as terminals do that nobody has taken."""
        return bool(termios.tcgetattr(self._ours)[3] & termios.ECHO)

    def _ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def _read(self) -> Glass:
        with self._lock:
            written, self._written = self._written, ""
        self._rest = self.glass.feed(self._rest + written)
        return self.glass

    def _listen(self) -> None:
        """Take what is written, and answer at once: a program waits for an answer, but not long."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        with contextlib.suppress(OSError):  # nobody has the other end any more
            while more := os.read(self._ours, 65536):
                text = decoder.decode(more)
                with self._lock:
                    self._written += text
                self._answer(text)

    def _answer(self, text: str) -> None:
        """Answer in the order of asking."""
        self._heard += text
        while found := [
            (self._heard.find(question), question)
            for question in (DA1, NAME, KITTY, COLOURS)
            if question in self._heard
        ]:
            at, question = min(found)
            self._heard = self._heard[at + len(question) :]
            self.asked.append(question)
            self.press(self._answers.get(question, ""))

    def _set_size(self) -> None:
        columns, rows = self.glass.columns, self.glass.rows
        size = struct.pack("HHHH", rows, columns, columns * CELL[0], rows * CELL[1])
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, size)

    def __enter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        self._set_size()
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *self._words],
            env=self._env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._listening.start()
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
        self._listening.join(10)
        os.close(self._ours)
