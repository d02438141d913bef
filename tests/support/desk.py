"""The installed program as a child of the test: `deskwire serve` in a world of its own.

Its environment holds what the test gives and nothing else, so the machine's own buses, sound and
settings cannot leak in. What it says is kept in files; on leaving, its log is searched for what
must never be in one.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from types import TracebackType
from typing import Self

from tests.support.buses import PrivateBus
from tests.support.logs import LOGS, judge
from tests.support.time_scaling import patiently
from tests.support.waiting import until

PROGRAM = Path(sys.executable).with_name("deskwire")
STARTS_WITHIN = 15.0
MARKED = 8
"""Letters by which a word is told from any other in a log."""


class Desk:
    """One desk; entering waits until it is ready.

    `buses` and `env` are what the daemon may reach, `settings` are `DESKWIRE_*` variables without
    their prefix, `arguments` are added to `serve`, `there` is put before the whole command. With a
    `state_dir` it is kept on leaving.
    """

    def __init__(
        self,
        *arguments: str,
        buses: Iterable[PrivateBus] = (),
        env: Mapping[str, str] | None = None,
        settings: Mapping[str, object] | None = None,
        state_dir: Path | None = None,
        tls: bool = True,
        starts_within: float = STARTS_WITHIN,
        there: Sequence[str] = (),
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="desk-"))
        self.state_dir = state_dir or self._folder / "state"
        self.tls = tls
        self._arguments = arguments
        self._starts_within = starts_within
        self._there = there
        self.env = environment(self._folder, buses, env or {}, settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self.address = ""
        """`https://host:port`, set once it is ready."""
        self.owner_password = ""
        """What the first start said; kept over restarts."""
        self.fingerprint = ""
        """SHA-256 of the certificate, 64 hexadecimal digits; empty without TLS."""
        self.secrets: set[str] = set()
        """Words that must not be in the log; tests add the passwords they use."""

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the daemon lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def said(self) -> str:
        """What it printed since its last start."""
        return self._stdout.read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        """What it logged since its last start."""
        return self._stderr.read_text(encoding="utf-8")

    def start(self) -> None:
        """Start it and wait for the line that says it is ready."""
        self._starts += 1
        self.launch()
        until(self._is_ready, within=self._starts_within, what="the desk is ready")
        said = self.said
        ready = re.search(r"^deskwire is ready at (https?://\S+?)/?$", said, re.MULTILINE)
        assert ready, said
        self.address = ready[1]
        self.fingerprint = find_fingerprint(said)
        self.owner_password = find_password(said) or self.owner_password
        if self.owner_password:
            self.secrets.add(self.owner_password)

    def launch(self) -> None:
        """Start it and wait for nothing."""
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                [
                    *self._there,
                    *(PROGRAM, "serve", "--host", "127.0.0.1", "--port", "0"),
                    *("--state-dir", self.state_dir),
                    *(() if self.tls else ("--no-tls",)),
                    *self._arguments,
                ],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )

    def run(self, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """Run another command of the program beside it, with the same state directory.

        What it is given is a secret.
        """
        self.secrets.update(word for word in given.split("\n") if len(word) >= MARKED)
        return run(*words, "--state-dir", str(self.state_dir), env=self.env, given=given)

    def stop(self, how: Signals = SIGTERM, *, within: float = 5.0) -> int:
        """Send the daemon a signal and return its exit code; a killed one's is negative."""
        assert self._process is not None
        if self.running:
            self._process.send_signal(how)
        return self._process.wait(patiently(within))

    def check_log(self) -> None:
        """Fail when a log holds what must never be in one."""
        for log in self._logs():
            judge(log, self.secrets)

    def forget_log(self) -> None:
        """Let go of what was logged so far; it has been judged."""
        for file in self._folder.glob("stderr.*"):
            file.write_bytes(b"")

    def _logs(self) -> list[str]:
        return [file.read_text(encoding="utf-8") for file in self._folder.glob("stderr.*")]

    def _is_ready(self) -> bool:
        assert self.running, f"ended with {self.stop()}\n{self.said}\n{self.log}"
        return "deskwire is ready at" in self.said

    @property
    def _stdout(self) -> Path:
        return self._folder / f"stdout.{self._starts}"

    @property
    def _stderr(self) -> Path:
        return self._folder / f"stderr.{self._starts}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self.running:
                self.stop()
        except subprocess.TimeoutExpired:
            self.stop(SIGKILL)
            raise
        finally:
            if problem is not None:
                print(self.log, file=sys.stderr)
        for log in self._logs():
            LOGS.keep(log, self.secrets)
        if problem is None:
            self.check_log()
        shutil.rmtree(self._folder, ignore_errors=True)


def environment(
    folder: Path,
    buses: Iterable[PrivateBus],
    env: Mapping[str, str],
    settings: Mapping[str, object],
) -> dict[str, str]:
    """Return a whole environment that reaches only what is given."""
    whole = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "XDG_RUNTIME_DIR": str(folder),
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/no-system-bus",
        **env,
        **{f"DESKWIRE_{key.upper()}": str(value) for key, value in settings.items()},
    }
    for bus in buses:
        whole = bus.env(whole)
    return whole


def run(
    *words: str, env: Mapping[str, str], given: str = "", within: float = 15.0
) -> "subprocess.CompletedProcess[str]":
    """Run one command of the program to its end."""
    done = subprocess.run(
        [PROGRAM, *words],
        env=dict(env),
        input=given,
        capture_output=True,
        text=True,
        timeout=patiently(within),
        check=False,
    )
    LOGS.take(done.stderr)
    return done


def find_fingerprint(said: str) -> str:
    """Return the SHA-256 fingerprint in what was printed, colons taken out, or `""`."""
    found = re.search(r"\b(?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}\b|\b[0-9a-fA-F]{64}\b", said)
    return found[0].replace(":", "").lower() if found else ""


def find_password(said: str) -> str:
    """Return the owner's password in what was printed, or `""`."""
    found = re.search(r"password:?\s+(\S+)", said)
    return found[1] if found else ""
