"""Private sound servers with null sinks: PulseAudio and PipeWire. No sound card is needed.

Neither adds a sink by itself, so a test can remove the last one. The address stays the same over
`kill()` and `start()`. WirePlumber reserves sound cards on a session bus, so it gets one.
"""

import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Self

from tests.support.buses import PrivateBus
from tests.support.processes import Program
from tests.support.waiting import until

SOCKETS = {"pipewire": "pipewire-0", "pipewire-pulse": "pulse/native"}
SINKS = ("speakers", "hdmi")


class Pulse(Program):
    """PulseAudio with the sinks `speakers`, the default, and `hdmi`."""

    def __init__(self) -> None:
        super().__init__("pulse")
        self.address = f"unix:{self.folder}/native"
        """Value of PULSE_SERVER."""

    def start(self) -> None:
        socket = self.folder / "native"
        socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                *("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no"),
                *("--exit-idle-time=-1", "--realtime=no", "--high-priority=no"),
                *("--disable-shm=yes", "--log-level=error"),
                *("-L", "module-null-sink sink_name=speakers"),
                *("-L", "module-null-sink sink_name=hdmi"),
                *("-L", f"module-native-protocol-unix auth-anonymous=1 socket={socket}"),
            ],
            env=self.env(),
            stderr=subprocess.DEVNULL,
        )
        until(socket.exists, what="PulseAudio listens")
        self.pactl("set-default-sink", "speakers")

    def env(self) -> dict[str, str]:
        """Return the environment of this process with the server's folders and address."""
        return {
            **os.environ,
            "HOME": str(self.folder),
            "PULSE_RUNTIME_PATH": f"{self.folder}/runtime",
            "PULSE_STATE_PATH": f"{self.folder}/state",
            "PULSE_COOKIE": f"{self.folder}/cookie",
            "PULSE_SERVER": self.address,
            "XDG_CONFIG_HOME": f"{self.folder}/config",
        }

    def pactl(self, *words: str) -> str:
        """Run a command of pactl and return its output."""
        return _pactl(self.env(), *words)


class PipeWire:
    """PipeWire, WirePlumber and pipewire-pulse with the same sinks."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pipewire-"))
        self._bus = PrivateBus()
        self._running = ExitStack()
        self._programs: dict[str, subprocess.Popen[bytes]] = {}
        self.address = f"unix:{self._folder}/pulse/native"
        """Value of PULSE_SERVER."""

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
        """Add a null sink, which ends with this pipewire-pulse."""
        self.pactl("load-module", "module-null-sink", f"sink_name={name}")

    def env(self) -> dict[str, str]:
        """Return the environment of this process with the server's folders and address."""
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
        """Run a command of pactl and return its output."""
        return _pactl(self.env(), *words)

    def default_sink(self) -> str:
        return self.pactl("get-default-sink")

    def kill(self, program: str) -> None:
        self._end(program, SIGKILL)

    def _end_all(self) -> None:
        for program in reversed(self._programs):
            self._end(program, SIGTERM)

    def _end(self, program: str, signal: Signals) -> None:
        process = self._programs[program]
        if process.poll() is None:
            process.send_signal(signal)
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
            until(lambda: self.default_sink() in SINKS, what="WirePlumber has selected a sink")
            self.pactl("set-default-sink", SINKS[0])
            until(lambda: self.default_sink() == SINKS[0], what="the speakers are the default")
            self._running = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()


def _pactl(env: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        ["pactl", *words], env=env, capture_output=True, text=True, timeout=5, check=False
    )
    assert done.returncode == 0, f"pactl {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()
