"""Opening a file without following a link anywhere on its path.

Source: openat2(2), Linux 5.6: the kernel refuses links while it walks the path, so nobody can swap
one in meanwhile. Older kernels, and sandboxes that know no such call, get the same by hand: each
folder is opened from the one above it and must be a folder, not a link.

What is opened is a handle (O_PATH): it finds a file without opening it, so a FIFO, a device or a
tape is only looked at.
"""

import ctypes
import errno
import os
import stat

SYS_OPENAT2 = 437
"""The same on every architecture we know but Alpha."""
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


def handle_of(path: bytes) -> int:
    """Return a handle of `path`, which must be absolute; raises `OSError`, ELOOP for a link."""
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
        return walk_to(path)
    raise OSError(number, os.strerror(number), path)


def walk_to(path: bytes) -> int:
    """Do the same without openat2."""
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
    """Return a handle of what is called `name` in `folder`, whose own handle is closed."""
    try:
        return os.open(name, HANDLE | os.O_NOFOLLOW | flags, dir_fd=folder)
    finally:
        os.close(folder)
