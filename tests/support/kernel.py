"""Kernel facilities for faults, which need root: a hanging file system and a network namespace.

Source: mount(2), the kernel's filesystems/fuse documentation, network_namespaces(7), setns(2).
"""

import ctypes
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")

MS_NOSUID = 2
MS_NODEV = 4
MNT_DETACH = 2
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = count()


class HangingFolder:
    """FUSE file system whose server never answers, so that each access blocks until `release()`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._server = -1

    def release(self) -> None:
        """End the server; each blocked access fails."""
        if self._server >= 0:
            os.close(self._server)
            self._server = -1

    def __enter__(self) -> Self:
        self.path.mkdir()
        self._server = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._server},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        folder, flags = os.fsencode(self.path), MS_NOSUID | MS_NODEV
        if _libc.mount(b"hangs", folder, b"fuse", flags, options.encode()):
            self.release()
            number = ctypes.get_errno()
            raise OSError(number, f"cannot mount a FUSE file system: {os.strerror(number)}")
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        _libc.umount2(os.fsencode(self.path), MNT_DETACH)


class NetworkNamespace:
    """Network namespace whose loopback link can be cut; a socket stays in its namespace."""

    def __init__(self) -> None:
        self._name = f"deskwire-{os.getpid()}-{next(_numbers)}"
        self.prefix = ("ip", "netns", "exec", self._name)
        """Words before a command that runs in the namespace."""

    def run(self, work: Callable[[], T]) -> T:
        """Run a function in a thread of the namespace; blocks."""
        with ThreadPoolExecutor(1, initializer=self._enter_thread) as thread:
            return thread.submit(work).result()

    def cut(self) -> None:
        """Take the link down: packets are lost without an error."""
        ip("-n", self._name, "link", "set", "lo", "down")

    def _enter_thread(self) -> None:
        with Path("/run/netns", self._name).open("rb") as namespace:
            if _libc.setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    def __enter__(self) -> Self:
        ip("netns", "add", self._name)
        ip("-n", self._name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        ip("netns", "delete", self._name)


def ip(*words: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *words], check=True)
