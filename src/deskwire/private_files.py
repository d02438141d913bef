"""Private directories and files: closed to other users, and written completely or not at all.

The directory is closed rather than each file in it, so that the files SQLite creates there are
closed, too. Permissions are repaired only in a directory that belongs to deskwire alone:
`--state-dir /tmp` must not close /tmp to everyone.
"""

import os
import pwd
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from deskwire.model.problems import StateUnavailable

GROUP_AND_OTHERS = stat.S_IRWXG | stat.S_IRWXO
OWNER_READ_WRITE = stat.S_IRUSR | stat.S_IWUSR


def create_private_directory(folder: Path, *, owned_if_contains: str) -> None:
    """Create the directory, or check that this user owns it and no other user can open it (0700).

    A directory that is open to others is closed only if it is empty or contains the file
    `owned_if_contains`. Raises `StateUnavailable`.
    """
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=stat.S_IRWXU, parents=True)
            fsync_directory(folder.parent)
        found = folder.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise StateUnavailable(f"{folder} is not a directory")
        require_owner(folder, found)
        ours = (folder / owned_if_contains).exists() or not any(folder.iterdir())
        if found.st_mode & GROUP_AND_OTHERS and not ours:
            raise StateUnavailable(
                f"{folder} is open to other users and contains other files; "
                "choose a directory that only deskwire uses"
            )
        if stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
            folder.chmod(stat.S_IRWXU)
    except OSError as problem:
        raise unusable(folder, problem) from None


def load_or_create_secret(path: Path, size: int) -> bytes:
    """Return the `size` random bytes of a file, which is created (0600) if it does not exist.

    If several processes create it at once, all return the same bytes. Raises `StateUnavailable`
    with the path, also when the file does not contain `size` bytes.
    """
    try:
        try:
            return read_secret(path, size)
        except FileNotFoundError:
            write_private_file(path, secrets.token_bytes(size), replace=False)
            return read_secret(path, size)
    except OSError as problem:
        raise unusable(path, problem) from None


def read_secret(path: Path, size: int) -> bytes:
    """Return the bytes of a secret file; raises `OSError` and `StateUnavailable`."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO would block
    descriptor = os.open(path, flags)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise StateUnavailable(f"{path} is not a regular file; move it away")
    with os.fdopen(descriptor, "rb") as file:
        require_owner(path, found)
        if found.st_mode & GROUP_AND_OTHERS:
            os.fchmod(file.fileno(), OWNER_READ_WRITE)
        content = file.read(size + 1)
    if len(content) != size:
        found_size = f"{len(content)} bytes" if len(content) < size else f"more than {size} bytes"
        raise StateUnavailable(
            f"{path} must contain {size} bytes, found {found_size}; "
            "restore it from a backup, or delete it, after which every user must log in again"
        )
    return content


def write_private_file(
    path: Path, content: bytes, *, replace: bool = True, durable: bool = True
) -> None:
    """Write a file that only its owner can read (0600), completely or not at all.

    With `replace=False` an existing file stays as it is. With `durable=False` the content may be
    lost at a power cut. Raises `OSError`.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            # link(2), unlike rename(2), never replaces a file that another process has created
            with suppress(FileExistsError):
                path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
    if durable:
        fsync_directory(path.parent)


def require_owner(path: Path, found: os.stat_result) -> None:
    """Raise `StateUnavailable` if another user owns the path."""
    if found.st_uid != os.geteuid():
        raise StateUnavailable(
            f"{path} belongs to {account_name(found.st_uid)}, "
            f"but deskwire runs as {account_name(os.geteuid())}"
        )


def account_name(uid: int) -> str:
    """Return the name of an account, or its number if it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def fsync_directory(folder: Path) -> None:
    """Write the entries of a directory to disk, fsync(2)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unusable(path: Path, problem: OSError) -> StateUnavailable:
    """Return the problem that names the path and the reason in one line."""
    return StateUnavailable(f"{path} cannot be used: {(problem.strerror or 'error').lower()}")
