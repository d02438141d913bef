"""The emulated laptop: Debian's own kernel in QEMU, with radios, a battery and a panel.

It boots in seconds without KVM (LAPTOP_ACCEL=kvm uses it) and runs what is installed on this
machine, the checkout included, so the program under test is the same. One boot serves many tests:
each says what to run over a serial line, and what programs write to /out is a folder here.

Source: qemu(1); the kernel's Documentation/filesystems/9p.rst and mac80211_hwsim.rst.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.waiting import until

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
BUILT = CHECKOUT / "build/laptop"
BOOTS_WITHIN = 90.0
CONSOLE = "console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off"


class Failed(AssertionError):
    """A command in the laptop did not do what it should."""


class Laptop:
    """One running laptop; entering builds what is missing, boots it and waits until it obeys."""

    def __init__(self) -> None:
        self.out = Path(tempfile.mkdtemp(prefix="laptop-"))
        """The laptop's /out."""
        self._machine: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._unread = b""

    def run(self, command: str, *, within: float = 30.0) -> str:
        """Run a shell command as root and return what it printed; raises `Failed`."""
        code, said = self.attempt(command, within=within)
        if code:
            raise Failed(f"exit code {code}: {command}\n{said}")
        return said

    def attempt(self, command: str, *, within: float = 30.0) -> tuple[int, str]:
        """Run a shell command as root; return its exit code and what it printed."""
        answer = self._ask({"run": command, "within": within}, within=within + 10)
        return answer["code"], answer["said"]

    def start(self, name: str, command: str) -> "Running":
        """Start a program that goes on; what it prints is /out/`name`.log."""
        pid = self.run(f"{command} </dev/null >/out/{name}.log 2>&1 & echo $!")
        return Running(self, name, int(pid))

    def write(self, path: str, text: str) -> None:
        """Write a file that only root can read."""
        self.run(f"umask 077; mkdir -p $(dirname {path}); printf %s {quoted(text)} >{path}")

    def log(self, name: str) -> str:
        """Return what a program printed."""
        return (self.out / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _ask(self, order: dict[str, Any], *, within: float) -> dict[str, Any]:
        assert self._line is not None
        self._line.sendall(json.dumps(order).encode() + b"\n")
        return self._listen(within=within)

    def _listen(self, *, within: float) -> dict[str, Any]:
        assert self._line is not None
        self._line.settimeout(within)
        while b"\n" not in self._unread:
            try:
                received = self._line.recv(65536)
            except TimeoutError:
                received = b""
            if not received:
                raise Failed(f"the laptop says nothing; its console:\n{self._console()}")
            self._unread += received
        answer, _, self._unread = self._unread.partition(b"\n")
        said: dict[str, Any] = json.loads(answer)
        return said

    def _console(self) -> str:
        return (self.out / "console.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def __enter__(self) -> Self:
        subprocess.run([HERE / "build", BUILT], check=True, timeout=300)
        self.out.chmod(0o777)  # the desk in the laptop is a plain user's
        port = self.out / "port"
        self._machine = subprocess.Popen(
            [
                "qemu-system-x86_64",
                *("-accel", os.environ.get("LAPTOP_ACCEL", "tcg"), "-cpu", "qemu64"),
                *("-m", "1024", "-smp", "2", "-display", "none", "-nodefaults", "-no-reboot"),
                *("-serial", f"file:{self.out}/console.log"),
                *("-serial", f"unix:{port},server=on,wait=off"),
                *("-kernel", BUILT / "vmlinuz", "-initrd", BUILT / "initramfs.gz"),
                *("-acpitable", f"file={BUILT}/laptop.aml"),
                *("-append", f"{CONSOLE} laptop={HERE}"),
                *shared("host", Path("/"), ",readonly=on"),
                *shared("out", self.out),
            ],
            stdin=subprocess.DEVNULL,
        )
        self._line = socket.socket(socket.AF_UNIX)
        line = self._line
        until(lambda: not line.connect_ex(str(port)), what="the laptop's serial port")
        assert self._listen(within=BOOTS_WITHIN) == {"up": True}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._machine is not None:
            self._machine.kill()
            self._machine.wait(10)
        if self._line is not None:
            self._line.close()
        shutil.rmtree(self.out, ignore_errors=True)


class Running:
    """One program that goes on in the laptop."""

    def __init__(self, laptop: Laptop, name: str, pid: int) -> None:
        self._laptop = laptop
        self.name = name
        self.pid = pid

    @property
    def log(self) -> str:
        """What it printed."""
        return self._laptop.log(self.name)

    def stop(self, how: str = "TERM") -> None:
        """Send it a signal and wait until it has ended."""
        ended = f"! grep -qs '^State:.[^ZX]' /proc/{self.pid}/status"
        self._laptop.run(f"kill -{how} {self.pid}; until {ended}; do sleep .1; done")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if problem is not None:
            print(f"--- {self.name}:\n{self.log[-3000:]}")
        self._laptop.attempt(f"kill {self.pid}")


def shared(tag: str, folder: Path, more: str = "") -> list[str]:
    """Return the options that show a folder to the laptop."""
    place = f"local,path={folder},mount_tag={tag},security_model=none,multidevs=remap{more}"
    return ["-virtfs", place]


def quoted(*words: str) -> str:
    """Return words as a shell takes them."""
    return shlex.join(words)
