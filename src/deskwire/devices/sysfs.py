"""Devices in /sys: their folders, by subsystem, and the small files in them.

A file may be missing, or refuse (ENODEV, EAGAIN, EIO) while its driver comes or goes; both mean
that the device does not say it. Drivers answer some of these files by asking firmware, which takes
milliseconds and now and then far longer, so whoever reads them often reads them in a thread.

Source: sysfs(5).
"""

from collections.abc import Iterable
from pathlib import Path


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
        return file.read_text(errors="replace").strip()
    except OSError:
        return None


def number(text: str | None) -> int | None:
    """Return a file's whole number, or `None` if there is none."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
