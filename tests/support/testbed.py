"""A made-up /sys with devices that come, change and go: umockdev, driven over a pipe.

libumockdev finds devices by libudev, so whoever drives it must itself run under its preload. That
is a child (this file, run as a program) which takes one JSON list a line; the tests' own process
stays as it is. What is to see the made-up /sys is started with `env()`.

Source: umockdev's `umockdev-testbed` API, called by ctypes.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

PRELOAD = "libumockdev-preload.so.0"
LIBRARY = "libumockdev.so.0"


class SysTestbed:
    """One made-up /sys."""

    def __init__(self) -> None:
        self._driver: subprocess.Popen[str] | None = None
        self.root = ""
        """Where its files really are; /sys is below."""

    def add(
        self, subsystem: str, name: str, properties: Mapping[str, str] = {}, **attributes: object
    ) -> str:
        """Add a device, say so by a uevent and return its path below the root."""
        path = self._ask("add", subsystem, name, pairs(attributes), pairs(properties))
        self.uevent(str(path), "add")
        return str(path)

    def write(self, path: str, **attributes: object) -> None:
        """Change files of a device and say nothing."""
        for name, value in attributes.items():
            self._ask("write", path, name, str(value))

    def change(self, path: str, **attributes: object) -> None:
        """Change files of a device and say so by a uevent, as a driver does."""
        self.write(path, **attributes)
        self.uevent(path, "change")

    def uevent(self, path: str, action: str) -> None:
        """Say that something happened to a device."""
        self._ask("uevent", path, action)

    def remove(self, path: str) -> None:
        """Take a device away, its uevent last, as the kernel does."""
        self._ask("uevent", path, "remove")
        self._ask("remove", path)

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return `base` (or our environment) for a process that is to see the made-up /sys."""
        inherited = os.environ if base is None else base
        return {**inherited, "LD_PRELOAD": PRELOAD, "UMOCKDEV_DIR": self.root}

    def _ask(self, *words: object) -> Any:
        assert self._driver is not None
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps(words) + "\n")
        self._driver.stdin.flush()
        answer = self._driver.stdout.readline()
        assert answer, "umockdev's driver ended"
        return json.loads(answer)

    def __enter__(self) -> Self:
        self._driver = subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, "LD_PRELOAD": PRELOAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.root = str(self._ask("root"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._driver is not None
        self._driver.communicate(timeout=5)
        shutil.rmtree(self.root, ignore_errors=True)


def pairs(values: Mapping[str, object]) -> list[str]:
    """Return keys and values in one list, which is how libumockdev takes them."""
    return [word for key, value in values.items() for word in (key, str(value))]


class Umockdev:
    """The library's testbed, in this process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(LIBRARY)
        self._library.umockdev_testbed_new.restype = ctypes.c_void_p
        self._library.umockdev_testbed_get_root_dir.restype = ctypes.c_char_p
        self._library.umockdev_testbed_add_devicev.restype = ctypes.c_char_p
        self._bed = ctypes.c_void_p(self._library.umockdev_testbed_new())

    def root(self) -> str:
        """Return the testbed's folder."""
        found: bytes = self._library.umockdev_testbed_get_root_dir(self._bed)
        return found.decode()

    def add(self, subsystem: str, name: str, attributes: list[str], properties: list[str]) -> str:
        """Add a device and return its path."""
        path: bytes = self._library.umockdev_testbed_add_devicev(
            self._bed, subsystem.encode(), name.encode(), None, array(attributes), array(properties)
        )
        return path.decode()

    def write(self, path: str, name: str, value: str) -> None:
        """Write one attribute."""
        self._library.umockdev_testbed_set_attribute(
            self._bed, path.encode(), name.encode(), value.encode()
        )

    def uevent(self, path: str, action: str) -> None:
        """Send a uevent to whoever listens."""
        self._library.umockdev_testbed_uevent(self._bed, path.encode(), action.encode())

    def remove(self, path: str) -> None:
        """Remove a device's files."""
        self._library.umockdev_testbed_remove_device(self._bed, path.encode())


def array(words: list[str]) -> "ctypes.Array[ctypes.c_char_p]":
    """Return a C array of strings that ends with NULL."""
    ends = [*(word.encode() for word in words), None]
    return (ctypes.c_char_p * len(ends))(*ends)


def drive() -> None:
    """Take commands until the pipe closes."""
    bed = Umockdev()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(getattr(bed, name)(*arguments)), flush=True)


if __name__ == "__main__":
    drive()
