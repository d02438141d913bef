"""A private PulseAudio with two null sinks, moved by pactl; no sound card is needed.

It has no module that invents a sink when there is none, so a test can take the last one away. The
address stays the same over `kill` and `start`.
"""

import os
import subprocess

from tests.support.service import Service
from tests.support.waiting import until


class Pulse(Service):
    """One PulseAudio of our own; its sinks are `speakers` (the default) and `hdmi`."""

    def __init__(self) -> None:
        super().__init__("pulse-")
        self.address = f"unix:{self._folder}/native"
        """What PULSE_SERVER says."""

    def start(self) -> None:
        """Start the server and wait until it takes commands."""
        socket = self._folder / "native"
        socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
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
        """Return this process's environment with the server's folders and address in it."""
        folder = str(self._folder)
        return {
            **os.environ,
            "HOME": folder,
            "PULSE_RUNTIME_PATH": f"{folder}/runtime",
            "PULSE_STATE_PATH": f"{folder}/state",
            "PULSE_COOKIE": f"{folder}/cookie",
            "PULSE_SERVER": self.address,
            "XDG_CONFIG_HOME": f"{folder}/config",
        }

    def pactl(self, *words: str) -> str:
        """Run one of pactl's commands and return what it says."""
        return pactl(self.env(), *words)


def pactl(env: dict[str, str], *words: str) -> str:
    """Run one of pactl's commands and return what it says; what it complains of is the error."""
    done = subprocess.run(
        ["pactl", *words], env=env, capture_output=True, text=True, timeout=5, check=False
    )
    assert done.returncode == 0, f"pactl {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()
