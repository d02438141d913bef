"""Captured machines: copies of `/proc` and `/sys` that a test may change."""

import shutil
from pathlib import Path

from deskwire.devices.kernel.kernel_file import Roots

CAPTURED = Path(__file__).parents[1] / "captured"


def captured(machine: str) -> Roots:
    """Return the roots of a captured machine, to be read only."""
    folder = CAPTURED / machine
    return Roots(proc=folder / "proc", sys=folder / "sys")


def copied(machine: str, to: Path) -> Roots:
    """Copy a captured machine into `to` and return its roots, to be changed."""
    shutil.copytree(CAPTURED / machine, to / machine, symlinks=True)
    return Roots(proc=to / machine / "proc", sys=to / machine / "sys")
