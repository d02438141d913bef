"""Devices in /sys: their folders, by subsystem, and the small files in them.

A file may be missing, or refuse (ENODEV, EAGAIN, EIO) while its driver comes or goes; both mean
that the device does not say it. Each is opened anew: what went and came back is another file.

Source: sysfs(5).
"""

import os
from collections.abc import Iterable
from pathlib import Path

LARGEST = 4096
"""A page; sysfs has no longer file."""


def devices(sys: Path, subsystem: str) -> list[Path]:
    """Return the folders of a subsystem's devices, by name; none where it does not exist."""
    try:
        return sorted((sys / "class" / subsystem).iterdir())
    except OSError:
        return []


def read_attributes(device: Path, names: Iterable[str]) -> dict[str, str]:
    """Return those of a device's files that can be read, stripped."""
    found = {}
    for name in names:
        text = read_attribute(device / name)
        if text is not None:
            found[name] = text
    return found


def read_attribute(file: Path) -> str | None:
    """Return one file's text, stripped, or `None` if it cannot be read."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.pread(descriptor, LARGEST, 0).decode(errors="replace").strip()
    except OSError:
        return None
    finally:
        os.close(descriptor)


def number(text: str | None) -> int | None:
    """Return a file's whole number, or `None` if there is none."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
