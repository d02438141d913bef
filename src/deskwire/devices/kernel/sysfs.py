"""Devices in sysfs: directories by subsystem, and their attribute files.

An attribute may be missing, or fail to be read (ENODEV, EAGAIN, EIO) while its driver is loaded or
removed; both mean that the value is unknown. Each read opens the file again, because a
device that comes back has new files.

Source: sysfs(5).
"""

import os
from collections.abc import Iterable
from pathlib import Path

LARGEST = 4096
"""Size of a page, the longest file in sysfs."""


def devices(sys: Path, subsystem: str) -> list[Path]:
    """Return the device directories of a subsystem, sorted by name; empty if it does not exist."""
    try:
        return sorted((sys / "class" / subsystem).iterdir())
    except OSError:
        return []


def read_attributes(device: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the readable attributes of a device, stripped."""
    found = {}
    for name in names:
        text = read_attribute(device / name)
        if text is not None:
            found[name] = text
    return found


def read_attribute(file: Path) -> str | None:
    """Return an attribute's text, stripped, or `None` if it cannot be read."""
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
    """Parse an integer; `None` if the text is missing or not an integer."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
