"""What the root is mounted from, and whether asking it can keep anybody waiting.

The path `/` alone leads to a process's root without a step, past whatever is mounted over it since,
path_resolution(7); so what is true of it once stays true. Its mount is the one with the number that
proc_pid_fdinfo(5) gives, in the table of proc_pid_mountinfo(5).
"""

import os
from pathlib import Path

ROOT = Path("/")
OF_THE_KERNEL = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "ramfs", "tmpfs"})
"""Whose statvfs reads numbers in memory, and waits for no server, program or disk.

Not xfs, which in some kernels finishes other work first, and none that lies on others: overlay."""

_SELF = Path("/proc/self")


def root_answers_at_once() -> bool:
    """Tell whether statvfs of `/` waits for nobody. Blocks."""
    root = os.open(ROOT, os.O_PATH)
    try:
        number = parse_mount_number((_SELF / "fdinfo" / str(root)).read_bytes())
        return parse_kind(number, (_SELF / "mountinfo").read_bytes()) in OF_THE_KERNEL
    except OSError:
        return False
    finally:
        os.close(root)


def parse_mount_number(fdinfo: bytes) -> bytes:
    """Return the number of the mount that a descriptor is on; nothing where it is not said."""
    fields = (line.partition(b":") for line in fdinfo.splitlines())
    return next((value.strip() for name, _, value in fields if name == b"mnt_id"), b"")


def parse_kind(number: bytes, mountinfo: bytes) -> str:
    """Return the kind of file system of a mount; nothing where there is no such mount."""
    for line in mountinfo.splitlines():
        mount, _, rest = line.partition(b" - ")
        if mount.split(b" ", 1)[0] == number:
            return rest.split(b" ", 1)[0].decode(errors="replace")
    return ""
