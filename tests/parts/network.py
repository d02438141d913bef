"""Another machine on a cable: a network namespace, and a link that can be cut. Needs root.

Source: network_namespaces(7), veth(4). A socket stays in the namespace it was made in.
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

CLONE_NEWNET = 0x40000000
_numbers = count(os.getpid() % 200)


class Elsewhere:
    """The namespace; entering makes it, with one link to here."""

    def __init__(self) -> None:
        number = next(_numbers)
        self._name = f"elsewhere-{os.getpid()}-{number}"
        self._link = f"dw{os.getpid() % 100_000}x{number}"
        self.here = f"10.213.{number % 250}.1"
        """Our address on the link; they see a daemon there."""
        self._there = f"10.213.{number % 250}.2"

    def run(self, work: Callable[[], T]) -> T:
        """Do `work` there, in a thread that ends with it; blocks."""
        with ThreadPoolExecutor(1, initializer=self._enter) as thread:
            return thread.submit(work).result()

    def cut(self) -> None:
        """Take the link down at their end: nothing gets through, and nobody is told."""
        ip("-n", self._name, "link", "set", "far", "down")

    def _enter(self) -> None:
        with Path("/run/netns", self._name).open("rb") as there:
            if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def __enter__(self) -> Self:
        ip("netns", "add", self._name)
        ip("link", "add", self._link, "type", "veth", "peer", "name", "far", "netns", self._name)
        ip("address", "add", f"{self.here}/24", "dev", self._link)
        ip("link", "set", self._link, "up")
        ip("-n", self._name, "address", "add", f"{self._there}/24", "dev", "far")
        ip("-n", self._name, "link", "set", "far", "up")
        return self

    def __exit__(self, *of: object) -> None:
        ip("netns", "delete", self._name)


def ip(*words: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *words], check=True)
