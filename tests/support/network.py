"""A network apart, whose one link can be cut: a network namespace with its loopback. Needs root.

When the link is down nothing gets through, and nobody is told. Source: network_namespaces(7). A
socket stays in the namespace it was made in.
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
_numbers = count()


class Apart:
    """The namespace; entering makes it."""

    def __init__(self) -> None:
        self._name = f"apart-{os.getpid()}-{next(_numbers)}"
        self.there = ("ip", "netns", "exec", self._name)
        """What to put before a command that is to run there."""

    def run(self, work: Callable[[], T]) -> T:
        """Do `work` there, in a thread that ends with it; blocks."""
        with ThreadPoolExecutor(1, initializer=self._enter) as thread:
            return thread.submit(work).result()

    def cut(self) -> None:
        """Take the link down."""
        ip("-n", self._name, "link", "set", "lo", "down")

    def _enter(self) -> None:
        with Path("/run/netns", self._name).open("rb") as there:
            if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def __enter__(self) -> Self:
        ip("netns", "add", self._name)
        ip("-n", self._name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *of: object) -> None:
        ip("netns", "delete", self._name)


def ip(*words: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *words], check=True)
