"""A folder in which everything hangs: a FUSE file system whose server never answers.

The kernel waits for the server to say hello, so whoever opens a file in it sleeps until `release`.
Needs root, as mount(2) does. Source: mount(2), the kernel's filesystems/fuse documentation.
"""

import ctypes
import os
from pathlib import Path
from types import TracebackType
from typing import Self

MS_NOSUID = 2
MS_NODEV = 4
MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


class HangingFolder:
    """`path` hangs while entered."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._server = -1

    def release(self) -> None:
        """End the server; whoever waits in the folder gets an error."""
        if self._server >= 0:
            os.close(self._server)
            self._server = -1

    def __enter__(self) -> Self:
        self.path.mkdir()
        self._server = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._server},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        where = os.fsencode(self.path)
        if _libc.mount(b"hangs", where, b"fuse", MS_NOSUID | MS_NODEV, options.encode()):
            self.release()
            number = ctypes.get_errno()
            raise OSError(number, f"cannot mount a FUSE file system: {os.strerror(number)}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        _libc.umount2(os.fsencode(self.path), MNT_DETACH)
