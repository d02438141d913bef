"""mpv with its MPRIS plug-in: a real player that can be asked what it really does.

It is asked over its own JSON socket (mpv(1), "JSON IPC"), not over D-Bus, so what a test sees is
the player and not what the daemon believes.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGTERM, Signals
from types import TracebackType
from typing import Any, Self

from tests.support.buses import PrivateBus
from tests.support.stopping import send
from tests.support.time_scaling import patiently
from tests.support.waiting import until

PLUGIN = Path("/usr/lib/mpv-mpris/mpris.so")
MPRIS = "org.mpris.MediaPlayer2"


class Mpv:
    """One mpv on `bus`; entering waits until it plays (or has paused) and is on the bus."""

    def __init__(
        self, bus: PrivateBus, files: Sequence[Path], *arguments: str, paused: bool = False
    ) -> None:
        self.bus = bus
        self.name = ""
        """Well-known bus name, set on entering: the second mpv of a bus is `mpv.instance<pid>`."""
        self._files = files
        self._arguments = arguments
        self._paused = paused
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._unread = b""
        self._asked = 0

    @property
    def pid(self) -> int:
        """The player's process id."""
        assert self._process is not None
        return self._process.pid

    def get(self, name: str) -> Any:
        """Return one of mpv's properties (`pause`, `time-pos`), `None` if it has none now."""
        return self.ask("get_property", name).get("data")

    def command(self, *words: object) -> Any:
        """Run one of mpv's commands; raises `AssertionError` when mpv refuses."""
        answer = self.ask(*words)
        assert answer["error"] == "success", answer
        return answer.get("data")

    def set(self, name: str, value: object) -> None:
        """Set one of mpv's properties."""
        self.command("set_property", name, value)

    def wait_for(self, name: str, value: object, *, within: float = 5.0) -> None:
        """Wait until a property has this value."""
        until(lambda: self.get(name) == value, within=within, what=f"mpv's {name} is {value!r}")

    def ask(self, *words: object) -> dict[str, Any]:
        """Send one command and return mpv's whole answer to it; its events are passed over."""
        assert self._socket is not None
        self._asked += 1
        request = {"command": list(words), "request_id": self._asked}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            while b"\n" not in self._unread:
                got = self._socket.recv(65536)
                assert got, "mpv closed its socket"
                self._unread += got
            line, _, self._unread = self._unread.partition(b"\n")
            answer: dict[str, Any] = json.loads(line)
            if answer.get("request_id") == self._asked and "error" in answer:
                return answer

    def signal(self, how: Signals) -> None:
        """Send the player a signal: SIGSTOP hangs it, SIGCONT wakes it."""
        send(self.pid, how)

    def kill(self) -> None:
        """End the player with no good-bye."""
        self._end(SIGKILL)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def wait_for_end(self, *, within: float = 5.0) -> None:
        """Wait until the process has ended."""
        until(lambda: not self.running, within=within, what="mpv has ended")

    def _end(self, how: Signals) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(SIGCONT)
            self._process.send_signal(how)
            self._process.wait(patiently(5))

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="mpv-"))
        listens = self._folder / "socket"
        self._process = subprocess.Popen(
            [
                *("mpv", "--no-config", "--load-scripts=no", f"--script={PLUGIN}"),
                *("--no-terminal", "--ao=null", "--vo=null", "--force-window=no"),
                *(f"--input-ipc-server={listens}", "--loop-file=no"),
                *(["--pause"] if self._paused else []),
                *self._arguments,
                *map(str, self._files),
            ],
            env=self.bus.env({**os.environ, "HOME": str(self._folder)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(patiently(5))
        speaking = self._socket
        until(lambda: not speaking.connect_ex(str(listens)), what="mpv listens")
        if self._files:
            until(lambda: self.get("time-pos") is not None, what="mpv has a file open")
        self.name = until(self._find_name, what="mpv is on the bus")
        return self

    def _find_name(self) -> str | None:
        ours = (f"{MPRIS}.mpv.instance{self.pid}", f"{MPRIS}.mpv")
        return next((name for name in ours if self.bus.pid_of(name) == self.pid), None)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end(SIGTERM)
        if self._socket is not None:
            self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)
