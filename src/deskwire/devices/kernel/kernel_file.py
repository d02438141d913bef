"""File in /proc or /sys that is opened once and read repeatedly.

The kernel creates the content of such a file at each read from offset 0 (proc(5)), so an open
descriptor saves the path lookup. Reads do not block, so the event loop may do them. A plain file in
a captured tree may be replaced and is opened each time; kernel files report a size of 0.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from deskwire.model.problems import DeviceUnavailable

PIECE = 4096


class Roots(Struct, frozen=True):
    """Mount points of the kernel's file systems; a captured tree in tests."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")


class KernelFile:
    """An open file and a context manager that closes it. All methods raise `DeviceUnavailable`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = self._open()
        self._is_plain = os.fstat(self._descriptor).st_size > 0

    def read(self) -> bytes:
        """Return the first 4096 bytes of the current content."""
        self._reopen()
        return self._piece(0)

    def read_whole(self) -> bytes:
        """Return the whole current content; the kernel returns long files in pieces."""
        self._reopen()
        whole = piece = self._piece(0)
        while piece:
            piece = self._piece(len(whole))
            whole += piece
        return whole

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as problem:
            raise self._read_error(problem) from None

    def _reopen(self) -> None:
        if self._is_plain:
            before, self._descriptor = self._descriptor, self._open()
            os.close(before)

    def _piece(self, offset: int) -> bytes:
        try:
            return os.pread(self._descriptor, PIECE, offset)
        except OSError as problem:
            raise self._read_error(problem) from None

    def _read_error(self, problem: OSError) -> DeviceUnavailable:
        return DeviceUnavailable(
            f"{self.path} cannot be read: {problem.strerror}",
            "set devices.proc to the mount point of the proc file system",
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
