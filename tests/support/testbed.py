"""Made-up /sys whose devices appear, change and disappear: umockdev, driven over a pipe.

libumockdev finds devices through libudev, so its caller must run under its preload. The caller is a
child process: this file, run as a program, which takes one JSON list a line. Start a program with
`env()` to make it see the made-up /sys.

Source: umockdev's `umockdev-testbed` API, called by ctypes.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Self

PRELOAD = "libumockdev-preload.so.0"
LIBRARY = "libumockdev.so.0"


class SysTestbed:
    """One made-up /sys."""

    def __init__(self) -> None:
        self._driver: subprocess.Popen[str] | None = None
        self.root = ""
        """Folder that contains the made-up /sys."""

    def add(
        self, subsystem: str, name: str, properties: Mapping[str, str] = {}, **attributes: object
    ) -> str:
        """Add a device, send its uevent and return its path below the root."""
        path = self._call("add", subsystem, name, flat(attributes), flat(properties))
        self.uevent(str(path), "add")
        return str(path)

    def write(self, path: str, **attributes: object) -> None:
        """Write attribute files of a device without a uevent."""
        for name, value in attributes.items():
            self._call("write", path, name, str(value))

    def change(self, path: str, **attributes: object) -> None:
        """Write attribute files of a device and send a uevent, as a driver does."""
        self.write(path, **attributes)
        self.uevent(path, "change")

    def uevent(self, path: str, action: str) -> None:
        self._call("uevent", path, action)

    def remove(self, path: str) -> None:
        """Send the uevent of a removal and remove the device's files."""
        self._call("uevent", path, "remove")
        self._call("remove", path)

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return `base`, or the environment of this process, with the preload."""
        inherited = os.environ if base is None else base
        return {**inherited, "LD_PRELOAD": PRELOAD, "UMOCKDEV_DIR": self.root}

    def _call(self, *words: object) -> Any:
        assert self._driver is not None
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps(words) + "\n")
        self._driver.stdin.flush()
        reply = self._driver.stdout.readline()
        assert reply, "the child that calls umockdev ended"
        return json.loads(reply)

    def __enter__(self) -> Self:
        self._driver = subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, "LD_PRELOAD": PRELOAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.root = str(self._call("root"))
        return self

    def __exit__(self, *_: object) -> None:
        assert self._driver is not None
        self._driver.communicate(timeout=5)
        shutil.rmtree(self.root, ignore_errors=True)


def flat(values: Mapping[str, object]) -> list[str]:
    """Return keys and values in one list, the form that libumockdev takes."""
    return [word for key, value in values.items() for word in (key, str(value))]


class Umockdev:
    """The library's testbed, in the child process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(LIBRARY)
        self._library.umockdev_testbed_new.restype = ctypes.c_void_p
        self._library.umockdev_testbed_get_root_dir.restype = ctypes.c_char_p
        self._library.umockdev_testbed_add_devicev.restype = ctypes.c_char_p
        self._bed = ctypes.c_void_p(self._library.umockdev_testbed_new())

    def root(self) -> str:
        found: bytes = self._library.umockdev_testbed_get_root_dir(self._bed)
        return found.decode()

    def add(self, subsystem: str, name: str, attributes: list[str], properties: list[str]) -> str:
        path: bytes = self._library.umockdev_testbed_add_devicev(
            self._bed, subsystem.encode(), name.encode(), None, array(attributes), array(properties)
        )
        return path.decode()

    def write(self, path: str, name: str, value: str) -> None:
        self._library.umockdev_testbed_set_attribute(
            self._bed, path.encode(), name.encode(), value.encode()
        )

    def uevent(self, path: str, action: str) -> None:
        self._library.umockdev_testbed_uevent(self._bed, path.encode(), action.encode())

    def remove(self, path: str) -> None:
        self._library.umockdev_testbed_remove_device(self._bed, path.encode())


def array(words: list[str]) -> "ctypes.Array[ctypes.c_char_p]":
    """Return a C array of strings that ends with NULL."""
    items = [*(word.encode() for word in words), None]
    return (ctypes.c_char_p * len(items))(*items)


def main() -> None:
    """Execute commands until the pipe is closed."""
    bed = Umockdev()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(getattr(bed, name)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
