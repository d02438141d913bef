"""File system type of `/`, and whether statvfs on it can block.

The path `/` always resolves to the root of the process, even if something is mounted over it later
(path_resolution(7)), so the answer never changes. proc_pid_fdinfo(5) gives the number of its mount,
and proc_pid_mountinfo(5) the type.
"""

import os
from pathlib import Path

ROOT = Path("/")
NON_BLOCKING_TYPES = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "ramfs", "tmpfs"})
"""File system types whose statvfs only reads memory.

xfs is missing because some of its versions finish other work first, overlay because it calls
others."""

_SELF = Path("/proc/self")


def root_never_blocks() -> bool:
    """Return whether statvfs of `/` never blocks. This function itself may block."""
    root = os.open(ROOT, os.O_PATH)
    try:
        number = parse_mount_number((_SELF / "fdinfo" / str(root)).read_bytes())
        return parse_type(number, (_SELF / "mountinfo").read_bytes()) in NON_BLOCKING_TYPES
    except OSError:
        return False
    finally:
        os.close(root)


def parse_mount_number(fdinfo: bytes) -> bytes:
    """Return the mount number of a descriptor; `b""` if it is missing."""
    fields = (line.partition(b":") for line in fdinfo.splitlines())
    return next((value.strip() for name, _, value in fields if name == b"mnt_id"), b"")


def parse_type(number: bytes, mountinfo: bytes) -> str:
    """Return the file system type of a mount; `""` if there is no such mount."""
    for line in mountinfo.splitlines():
        mount, _, rest = line.partition(b" - ")
        if mount.split(b" ", 1)[0] == number:
            return rest.split(b" ", 1)[0].decode(errors="replace")
    return ""
