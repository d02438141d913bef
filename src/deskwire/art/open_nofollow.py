"""Opening of a path without following symbolic links.

Source: openat2(2), Linux 5.6. The kernel refuses links while it resolves the path, so no other
process can insert one meanwhile. Without that call (older kernels, some sandboxes) each directory
is opened relative to its parent and must not be a link.

The result is an O_PATH descriptor. It identifies a file without opening it, so a FIFO or a device
is not touched.
"""

import ctypes
import errno
import os
import stat

SYS_OPENAT2 = 437
"""System call number, the same on every architecture except Alpha."""
AT_FDCWD = -100
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04

HANDLE = os.O_PATH | os.O_CLOEXEC

_libc = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def open_handle(path: bytes) -> int:
    """Return an O_PATH descriptor for an absolute path; raises `OSError`, with ELOOP for a link."""
    how = _OpenHow(HANDLE, 0, RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)
    found: int = _libc.syscall(
        ctypes.c_long(SYS_OPENAT2),
        ctypes.c_int(AT_FDCWD),
        ctypes.c_char_p(path),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    if found >= 0:
        return found
    number = ctypes.get_errno()
    if number in {errno.ENOSYS, errno.EPERM}:  # the latter from a sandbox's filter
        return open_by_steps(path)
    raise OSError(number, os.strerror(number), path)


def open_by_steps(path: bytes) -> int:
    """Return the same descriptor without openat2."""
    *folders, name = path.strip(b"/").split(b"/")
    at = os.open(b"/", HANDLE | os.O_DIRECTORY)
    for folder in folders:
        at = step(at, folder, os.O_DIRECTORY)
    found = step(at, name, 0)
    if stat.S_ISLNK(os.fstat(found).st_mode):
        os.close(found)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return found


def step(folder: int, name: bytes, flags: int) -> int:
    """Open `name` in `folder` and close the descriptor of `folder`."""
    try:
        return os.open(name, HANDLE | os.O_NOFOLLOW | flags, dir_fd=folder)
    finally:
        os.close(folder)
