"""A private PipeWire: the server, WirePlumber and pipewire-pulse in a runtime folder of their own.

WirePlumber does not start without a session bus (it reserves sound cards there), so it gets one.
"""

import shutil
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.buses import PrivateBus
from tests.support.pulse import pactl
from tests.support.waiting import until

SOCKETS = {"pipewire": "pipewire-0", "pipewire-pulse": "pulse/native"}
SINKS = ("speakers", "hdmi")


class PipeWire:
    """One PipeWire of our own; its sinks are `speakers` (the default) and `hdmi`."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pipewire-"))
        self._bus = PrivateBus()
        self._held = ExitStack()
        self._programs: dict[str, subprocess.Popen[bytes]] = {}
        self.address = f"unix:{self._folder}/pulse/native"
        """What PULSE_SERVER says."""

    def start(self, program: str) -> None:
        """Start `pipewire`, `wireplumber` or `pipewire-pulse` and wait until it listens."""
        socket = self._folder / SOCKETS.get(program, "none")
        socket.unlink(missing_ok=True)
        self._programs[program] = subprocess.Popen(
            [program], env=self.env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if program in SOCKETS:
            until(socket.exists, what=f"{program} listens")

    def add_sink(self, name: str) -> None:
        """Add a null sink; it lives as long as this pipewire-pulse."""
        self.pactl("load-module", "module-null-sink", f"sink_name={name}")

    def env(self) -> dict[str, str]:
        """Return this process's environment with the server's folders and address in it."""
        folder = str(self._folder)
        return {
            **self._bus.env(),
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            "XDG_STATE_HOME": f"{folder}/state",
            "XDG_CONFIG_HOME": f"{folder}/config",
            "PULSE_RUNTIME_PATH": f"{folder}/pulse",
            "PULSE_SERVER": self.address,
        }

    def pactl(self, *words: str) -> str:
        """Run one of pactl's commands and return what it says."""
        return pactl(self.env(), *words)

    def default_sink(self) -> str:
        """Return the default sink's name."""
        return self.pactl("get-default-sink")

    def kill(self, program: str) -> None:
        """End one of the programs with no good-bye."""
        self._end(program, signal.SIGKILL)

    def _end_all(self) -> None:
        for program in reversed(self._programs):
            self._end(program, signal.SIGTERM)

    def _end(self, program: str, how: signal.Signals) -> None:
        process = self._programs[program]
        if process.poll() is None:
            process.send_signal(how)
            process.wait(5)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            stack.enter_context(self._bus)
            stack.callback(self._end_all)
            self.start("pipewire")
            self.start("wireplumber")
            self.start("pipewire-pulse")
            for name in SINKS:
                self.add_sink(name)
            until(lambda: self.default_sink() in SINKS, what="WirePlumber has chosen a sink")
            self.pactl("set-default-sink", SINKS[0])
            until(lambda: self.default_sink() == SINKS[0], what="the speakers are the default")
            self._held = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()
