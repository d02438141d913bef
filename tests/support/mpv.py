"""mpv with its MPRIS plug-in: a real player whose real state a test can query.

The test uses mpv's own JSON socket (mpv(1), "JSON IPC") and not D-Bus. So it sees the player's
state and not what the daemon reports.
"""

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.buses import PrivateBus
from tests.support.processes import Program, start_silent
from tests.support.time_scaling import patiently
from tests.support.waiting import until

PLUGIN = Path("/usr/lib/mpv-mpris/mpris.so")
MPRIS = "org.mpris.MediaPlayer2"


class Mpv(Program):
    """One mpv on a bus; entering waits until it has its file open and is on the bus."""

    def __init__(
        self, bus: PrivateBus, files: Sequence[Path], *arguments: str, paused: bool = False
    ) -> None:
        super().__init__("mpv")
        self.bus = bus
        self.name = ""
        """Well-known bus name; that of a second mpv is `….mpv.instance<pid>`."""
        self._files = files
        self._arguments = [*arguments, *(["--pause"] if paused else [])]
        self._socket = socket.socket(socket.AF_UNIX)
        self._received = b""
        self._requests = 0

    def get(self, name: str) -> Any:
        """Return a property (`pause`, `time-pos`), or `None` if mpv has no value now."""
        return self._request("get_property", name).get("data")

    def set(self, name: str, value: object) -> None:
        self.command("set_property", name, value)

    def command(self, *words: object) -> Any:
        """Run a command; raises `AssertionError` if mpv refuses."""
        reply = self._request(*words)
        assert reply["error"] == "success", reply
        return reply.get("data")

    def wait_for(self, name: str, value: object, *, within: float = 5.0) -> None:
        """Wait until a property has this value."""
        until(lambda: self.get(name) == value, within=within, what=f"mpv's {name} is {value!r}")

    def wait_for_end(self, *, within: float = 5.0) -> None:
        until(lambda: not self.running, within=within, what="mpv has ended")

    def _request(self, *words: object) -> dict[str, Any]:
        """Send one command; skip mpv's events and return its reply."""
        self._requests += 1
        request = {"command": list(words), "request_id": self._requests}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            while b"\n" not in self._received:
                received = self._socket.recv(65536)
                assert received, "mpv closed its socket"
                self._received += received
            line, _, self._received = self._received.partition(b"\n")
            reply: dict[str, Any] = json.loads(line)
            if reply.get("request_id") == self._requests and "error" in reply:
                return reply

    def start(self) -> None:
        address = self.folder / "socket"
        self.process = start_silent(
            [
                *("mpv", "--no-config", "--load-scripts=no", f"--script={PLUGIN}"),
                *("--no-terminal", "--ao=null", "--vo=null", "--force-window=no"),
                *(f"--input-ipc-server={address}", "--loop-file=no"),
                *self._arguments,
                *self._files,
            ],
            self.bus.env({**os.environ, "HOME": str(self.folder)}),
        )
        self._socket.settimeout(patiently(5))
        until(lambda: not self._socket.connect_ex(str(address)), what="mpv listens")
        if self._files:
            until(lambda: self.get("time-pos") is not None, what="mpv has a file open")
        self.name = until(self._find_name, what="mpv is on the bus")

    def _find_name(self) -> str | None:
        names = (f"{MPRIS}.mpv.instance{self.pid}", f"{MPRIS}.mpv")
        return next((name for name in names if self.bus.pid_of(name) == self.pid), None)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._socket.close()
