"""A file of the kernel, opened once and read again and again.

proc(5): these files are made anew when they are read from offset 0, so a descriptor that is kept
open saves the walk of the path at each reading. They answer at once, so they may be read on the
event loop. A plain file, in a captured tree, may be replaced by another and is opened each time;
the kernel's say that they have no size.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from deskwire.model.problems import DeviceUnavailable

PIECE = 4096


class KernelFile:
    """An open file; a context manager that closes it. Raises `DeviceUnavailable` throughout."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = self._opened()
        self._is_plain = os.fstat(self._descriptor).st_size > 0

    def read(self) -> bytes:
        """Return how it begins now: up to 4096 bytes."""
        self._renew()
        return self._piece(0)

    def read_whole(self) -> bytes:
        """Return all of it as it is now; the kernel hands long ones out in pieces."""
        self._renew()
        whole = piece = self._piece(0)
        while piece:
            piece = self._piece(len(whole))
            whole += piece
        return whole

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def _opened(self) -> int:
        try:
            return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as problem:
            raise self._unreadable(problem) from None

    def _renew(self) -> None:
        if self._is_plain:
            before, self._descriptor = self._descriptor, self._opened()
            os.close(before)

    def _piece(self, offset: int) -> bytes:
        try:
            return os.pread(self._descriptor, PIECE, offset)
        except OSError as problem:
            raise self._unreadable(problem) from None

    def _unreadable(self, problem: OSError) -> DeviceUnavailable:
        return DeviceUnavailable(
            f"{self.path} cannot be read: {problem.strerror}",
            "see that devices.proc names where the proc file system is",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
