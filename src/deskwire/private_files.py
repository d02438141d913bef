"""A folder nobody else can look into, and the secret files in it.

The folder is closed to others rather than each file in it, so what SQLite or anybody else puts
there is closed too. Permissions are mended only where nothing but deskwire's own things can be
inside: `--state-dir /tmp` must not shut everyone out of /tmp.
"""

import os
import pwd
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from deskwire.model.problems import StateUnavailable

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def create_private_directory(folder: Path, *, owned_if_contains: str) -> None:
    """Make the folder, or see that it is our own and closed to others (0700).

    A directory that is open to others is closed only if it is empty or contains the file
    `owned_if_contains`. Raises `StateUnavailable`.
    """
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=stat.S_IRWXU, parents=True)
            sync(folder.parent)
        found = folder.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise StateUnavailable(f"{folder} is not a folder")
        require_owner(folder, found)
        if found.st_mode & OTHERS and not (
            (folder / owned_if_contains).exists() or is_empty(folder)
        ):
            raise StateUnavailable(
                f"{folder} is open to others and has other things in it; "
                "the state needs a folder of its own"
            )
        if stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
            folder.chmod(stat.S_IRWXU)
    except OSError as problem:
        raise unusable(folder, problem) from None


def load_or_create_secret(path: Path, size: int) -> bytes:
    """Return the `size` random bytes of this file (0600), made and on disk if there was none.

    Of several processes that make it at once one wins and all return the same. Raises
    `StateUnavailable`, which names the file when what it holds is not `size` bytes.
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
    """Return what the file holds; raises `OSError`, or `StateUnavailable` if it is not `size`."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
        found = os.fstat(file.fileno())
        require_owner(path, found)
        if found.st_mode & OTHERS:
            os.fchmod(file.fileno(), stat.S_IRUSR | stat.S_IWUSR)
        kept = file.read(size + 1)
    if len(kept) != size:
        many = f"{len(kept)} bytes" if len(kept) < size else f"more than {size} bytes"
        raise StateUnavailable(
            f"{path} must hold {size} bytes and holds {many}; "
            "put back the right one, or remove it and all users must log in again"
        )
    return kept


def write_private_file(path: Path, content: bytes, *, replace: bool) -> None:
    """Write a file (0600) completely and to disk, or leave the present one.

    Without `replace`, an existing file stays as it is. Raises `OSError`.
    """
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    new = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            new.replace(path)
        else:
            # link(2), unlike rename(2), never replaces a file that another process wrote meanwhile
            with suppress(FileExistsError):
                path.hardlink_to(new)
    finally:
        new.unlink(missing_ok=True)
    sync(path.parent)


def require_owner(path: Path, found: os.stat_result) -> None:
    """Raise `StateUnavailable` if it belongs to somebody else."""
    if found.st_uid != os.geteuid():
        raise StateUnavailable(
            f"{path} belongs to {name_of(found.st_uid)} and this is {name_of(os.geteuid())}"
        )


def name_of(uid: int) -> str:
    """Return the account's name, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def is_empty(folder: Path) -> bool:
    """Tell whether there is nothing in it."""
    with os.scandir(folder) as entries:
        return next(entries, None) is None


def sync(folder: Path) -> None:
    """Have the folder's own entries on disk, fsync(2)."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def unusable(path: Path, problem: OSError) -> StateUnavailable:
    """Say in one line which path cannot be used, and why."""
    return StateUnavailable(f"{path} cannot be used: {(problem.strerror or 'error').lower()}")
