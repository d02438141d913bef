"""The installed program as a child of the test: the daemon, the mock server and commands.

Its environment contains only what the test gives, so the machine's own buses, sound and settings
have no effect. The log of a daemon is searched for secrets when its context is left.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from typing import Self

from tests.support.buses import PrivateBus
from tests.support.logs import LOGS, check_log
from tests.support.time_scaling import patiently
from tests.support.waiting import until

PROGRAM = Path(sys.executable).with_name("deskwire")
START_TIMEOUT = 15.0
SHORTEST_SECRET = 8
"""Characters that make a word recognisable in a log."""
MOCK_ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLUMNS": "200"}
MOCK_PASSWORD = "only-a-rehearsal"

Done = subprocess.CompletedProcess[str]


class Daemon:
    """One `deskwire serve`; entering waits until it is ready.

    `buses` and `env` are the services that it can reach. `settings` are `DESKWIRE_*` variables
    without that prefix, `arguments` are added to `serve`, and `prefix` comes before the command. A
    given `state_dir` outlives the daemon.
    """

    def __init__(
        self,
        *arguments: str,
        buses: Iterable[PrivateBus] = (),
        env: Mapping[str, str] | None = None,
        settings: Mapping[str, object] | None = None,
        state_dir: Path | None = None,
        tls: bool = True,
        starts_within: float = START_TIMEOUT,
        prefix: Sequence[str] = (),
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="desk-"))
        self.state_dir = state_dir or self._folder / "state"
        self.tls = tls
        self._arguments = arguments
        self._starts_within = starts_within
        self._prefix = prefix
        self.env = environment(self._folder, buses, env or {}, settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self.address = ""
        """`https://host:port`, set when the daemon is ready."""
        self.owner_password = ""
        """Printed by the first start."""
        self.fingerprint = ""
        """SHA-256 of the certificate, 64 hexadecimal digits; empty without TLS."""
        self.secrets: set[str] = set()
        """Texts that the log must not contain; a test adds the passwords that it uses."""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """Standard output since the last start."""
        return self._file("stdout").read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        """Standard error since the last start."""
        return self._file("stderr").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start the daemon and wait until it is ready."""
        self._starts += 1
        self.launch()
        until(self._is_ready, within=self._starts_within, what="the daemon is ready")
        output = self.output
        ready = re.search(r"^deskwire is ready at (https?://\S+?)/?$", output, re.MULTILINE)
        assert ready, output
        self.address = ready[1]
        self.fingerprint = find_fingerprint(output)
        password = re.search(r"password:?\s+(\S+)", output)
        if password:
            self.owner_password = password[1]
        if self.owner_password:
            self.secrets.add(self.owner_password)

    def launch(self) -> None:
        """Start the daemon without waiting."""
        with self._file("stdout").open("wb") as stdout, self._file("stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                [
                    *self._prefix,
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

    def run(self, *words: str, given: str = "") -> Done:
        """Run another command with the same state directory; its input counts as secret."""
        self.secrets.update(word for word in given.split("\n") if len(word) >= SHORTEST_SECRET)
        return run(*words, "--state-dir", str(self.state_dir), env=self.env, given=given)

    def stop(self, signal: Signals = SIGTERM, *, within: float = 5.0) -> int:
        """Stop the daemon; return its exit code, which is negative after SIGKILL."""
        assert self._process is not None
        if self.running:
            self._process.send_signal(signal)
        return self._process.wait(patiently(within))

    def check_log(self) -> None:
        """Fail if a log holds a forbidden text."""
        for log in self._logs():
            check_log(log, self.secrets)

    def clear_log(self) -> None:
        """Empty the log, to save space after a check."""
        for file in self._folder.glob("stderr.*"):
            file.write_bytes(b"")

    def _logs(self) -> list[str]:
        return [file.read_text(encoding="utf-8") for file in self._folder.glob("stderr.*")]

    def _is_ready(self) -> bool:
        assert self.running, f"ended with {self.stop()}\n{self.output}\n{self.log}"
        return "deskwire is ready at" in self.output

    def _file(self, stream: str) -> Path:
        return self._folder / f"{stream}.{self._starts}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _: object, problem: object, __: object) -> None:
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
            LOGS.add(log, self.secrets)
        if problem is None:
            self.check_log()
        shutil.rmtree(self._folder, ignore_errors=True)


class MockServer:
    """One `deskwire mock` that keeps its files in `folder`."""

    def __init__(self, folder: Path, *arguments: str, given: str = "") -> None:
        self._output = folder / "mock.out"
        self._log = folder / "mock.err"
        with self._output.open("wb") as output, self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "mock", "--port", "0", *arguments],
                env={**MOCK_ENV, "TMPDIR": str(folder)},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=log,
            )
        assert self.process.stdin is not None
        self.process.stdin.write(given.encode())
        self.process.stdin.close()
        ready = r"^deskwire is ready at (\S+)$"
        found = until(lambda: re.search(ready, self.output, re.MULTILINE), within=10)
        self.address = found[1]
        certificate = re.search(r"^certificate SHA-256 (\S+)$", self.output, re.MULTILINE)
        self.fingerprint = certificate[1] if certificate else ""

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(SIGINT)
        return self.process.wait(patiently(5))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, problem: object, __: object) -> None:
        self.stop()
        if problem is None:
            LOGS.add_and_check(self.log, [MOCK_PASSWORD])


def environment(
    folder: Path,
    buses: Iterable[PrivateBus] = (),
    env: Mapping[str, str] | None = None,
    settings: Mapping[str, object] | None = None,
) -> dict[str, str]:
    """Return a complete environment that reaches only these services."""
    complete = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "XDG_RUNTIME_DIR": str(folder),
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/no-system-bus",
        **(env or {}),
        **{f"DESKWIRE_{key.upper()}": str(value) for key, value in (settings or {}).items()},
    }
    for bus in buses:
        complete = bus.env(complete)
    return complete


def run(*words: str, env: Mapping[str, str], given: str = "", within: float = 15.0) -> Done:
    """Run one command to its end."""
    done = subprocess.run(
        [PROGRAM, *words],
        env=dict(env),
        input=given,
        capture_output=True,
        text=True,
        timeout=patiently(within),
        check=False,
    )
    LOGS.add_and_check(done.stderr)
    return done


def log_in(server: Daemon, env: Mapping[str, str], *more: str) -> None:
    """Log the owner in with the `login` command, in the home folder of `env`."""
    words = ("login", server.address, "--fingerprint", server.fingerprint, "--password-stdin")
    done = run(*words, *more, env=env, given=f"{server.owner_password}\n")
    assert done.returncode == 0, done.stderr


def find_fingerprint(output: str) -> str:
    """Return the SHA-256 fingerprint in an output without colons, or `""`."""
    found = re.search(r"\b(?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}\b|\b[0-9a-fA-F]{64}\b", output)
    return found[0].replace(":", "").lower() if found else ""
