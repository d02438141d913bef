"""Emulated laptop: Debian's kernel in QEMU, with radios, a battery and a panel.

It boots in seconds without KVM (LAPTOP_ACCEL=kvm uses it). Its root is this machine's, with the
checkout, so the tested program is the same. One boot serves many tests: each sends its commands
over a serial line, and programs write to /out, a folder of the host.

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
from typing import Any, Self

from tests.support.waiting import until

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
BUILT = CHECKOUT / "build/laptop"
BOOTS_WITHIN = 90.0
CONSOLE = "console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off"


class CommandFailed(AssertionError):
    """A command in the laptop failed, or got no answer."""


class Laptop:
    """One laptop; entering builds what is missing, boots it and waits until it takes commands."""

    def __init__(self) -> None:
        self.out = Path(tempfile.mkdtemp(prefix="laptop-"))
        """The laptop's /out."""
        self._machine: subprocess.Popen[bytes] | None = None
        self._serial = socket.socket(socket.AF_UNIX)
        self._received = b""

    def run(self, command: str, *, within: float = 30.0) -> str:
        """Run a shell command as root and return its output; raises `CommandFailed`."""
        code, output = self.attempt(command, within=within)
        if code:
            raise CommandFailed(f"exit code {code}: {command}\n{output}")
        return output

    def attempt(self, command: str, *, within: float = 30.0) -> tuple[int, str]:
        """Run a shell command as root; return its exit code and output."""
        self._serial.sendall(json.dumps({"run": command, "within": within}).encode() + b"\n")
        answer = self._read_line(within=within + 10)
        return answer["code"], answer["output"]

    def start(self, name: str, command: str) -> "Running":
        """Start a program in the background; its output goes to /out/`name`.log."""
        pid = self.run(f"{command} </dev/null >/out/{name}.log 2>&1 & echo $!")
        return Running(self, name, int(pid))

    def write(self, path: str, text: str) -> None:
        """Write a file that only root can read."""
        self.run(f"umask 077; mkdir -p $(dirname {path}); printf %s {quoted(text)} >{path}")

    def log(self, name: str) -> str:
        """Return the output of a program."""
        return (self.out / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _read_line(self, *, within: float) -> dict[str, Any]:
        self._serial.settimeout(within)
        while b"\n" not in self._received:
            try:
                received = self._serial.recv(65536)
            except TimeoutError:
                received = b""
            if not received:
                raise CommandFailed(f"no answer; the console:\n{self.log('console')[-3000:]}")
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        subprocess.run([HERE / "build", BUILT], check=True, timeout=300)
        self.out.chmod(0o777)  # the daemon in the laptop runs as a plain user
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
                *shared_folder("host", Path("/"), ",readonly=on"),
                *shared_folder("out", self.out),
            ],
            stdin=subprocess.DEVNULL,
        )
        until(lambda: not self._serial.connect_ex(str(port)), what="the laptop's serial port")
        assert self._read_line(within=BOOTS_WITHIN) == {"up": True}
        return self

    def __exit__(self, *_: object) -> None:
        if self._machine is not None:
            self._machine.kill()
            self._machine.wait(10)
        self._serial.close()
        shutil.rmtree(self.out, ignore_errors=True)


class Running:
    """One program in the background of the laptop."""

    def __init__(self, laptop: Laptop, name: str, pid: int) -> None:
        self._laptop = laptop
        self.name = name
        self.pid = pid

    @property
    def log(self) -> str:
        return self._laptop.log(self.name)

    def stop(self, signal: str = "TERM") -> None:
        """Send a signal and wait for the end."""
        ended = f"! grep -qs '^State:.[^ZX]' /proc/{self.pid}/status"
        self._laptop.run(f"kill -{signal} {self.pid}; until {ended}; do sleep .1; done")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, problem: object, __: object) -> None:
        if problem is not None:
            print(f"--- {self.name}:\n{self.log[-3000:]}")
        self._laptop.attempt(f"kill {self.pid}")


def shared_folder(tag: str, folder: Path, more: str = "") -> list[str]:
    """Return QEMU's options for a folder that the laptop mounts."""
    fsdev = f"local,path={folder},mount_tag={tag},security_model=none,multidevs=remap{more}"
    return ["-virtfs", fsdev]


def quoted(*words: str) -> str:
    """Return words quoted for a shell."""
    return shlex.join(words)
