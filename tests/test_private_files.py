import os
import re
import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from deskwire.model.problems import StateUnavailable
from deskwire.private_files import (
    create_private_directory,
    load_or_create_secret,
    write_private_file,
)

UNPRIVILEGED_UID = 65534


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def a_plain_user() -> Iterator[None]:
    """Drop root privileges, to which permissions do not apply."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(UNPRIVILEGED_UID)
    try:
        yield
    finally:
        os.seteuid(0)


def foreign_directory(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        return Path("/")
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o777)
    os.chown(folder, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    return folder


def test_missing_directory_is_created_private(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"

    create_private_directory(folder, owned_if_contains="state.db")

    assert mode(folder) == 0o700


def test_empty_directory_is_made_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    create_private_directory(tmp_path, owned_if_contains="state.db")

    assert mode(tmp_path) == 0o700


@pytest.mark.parametrize("found", [0o755, 0o777, 0o500])
def test_own_directory_is_made_private_again(tmp_path: Path, found: int) -> None:
    (tmp_path / "state.db").touch()
    tmp_path.chmod(found)

    create_private_directory(tmp_path, owned_if_contains="state.db")

    assert mode(tmp_path) == 0o700


def test_shared_directory_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "someone's letter").touch()
    tmp_path.chmod(0o1777)

    with pytest.raises(StateUnavailable, match="is open to other users and contains other files"):
        create_private_directory(tmp_path, owned_if_contains="state.db")

    assert mode(tmp_path) == 0o1777


def test_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(StateUnavailable, match=f"^{re.escape(str(file))} is not a directory$"):
        create_private_directory(file, owned_if_contains="state.db")
    with pytest.raises(StateUnavailable, match="cannot be used: not a directory"):
        create_private_directory(file / "state", owned_if_contains="state.db")


def test_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = foreign_directory(tmp_path)

    with pytest.raises(StateUnavailable, match=r"belongs to \w+, but deskwire runs as \w+$"):
        create_private_directory(folder, owned_if_contains="state.db")


def test_unreachable_directory_is_reported_in_one_line(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)

    with a_plain_user(), pytest.raises(StateUnavailable) as refused:
        create_private_directory(closed / "state", owned_if_contains="state.db")

    assert refused.value.message == f"{closed / 'state'} cannot be used: permission denied"


def test_secret_is_created_once(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"

    first = load_or_create_secret(path, 32)

    assert len(first) == 32
    assert load_or_create_secret(path, 32) == first
    assert path.read_bytes() == first
    assert mode(path) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["signing.key"]


def test_secret_of_another_process_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"

    write_private_file(path, b"theirs", replace=False)
    write_private_file(path, b"ours", replace=False)

    assert path.read_bytes() == b"theirs"
    assert [file.name for file in tmp_path.iterdir()] == ["signing.key"]


def test_concurrent_creation_returns_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(
            threads.map(lambda _: load_or_create_secret(tmp_path / "signing.key", 32), range(40))
        )

    assert len(made) == 1


@pytest.mark.parametrize(
    ("size", "found"), [(0, "found 0 bytes"), (31, "found 31 bytes"), (33, "more than 32 bytes")]
)
def test_secret_of_another_size_is_refused_with_its_path(
    tmp_path: Path, size: int, found: str
) -> None:
    path = tmp_path / "signing.key"
    path.write_bytes(b"k" * size)

    with pytest.raises(StateUnavailable, match=found) as problem:
        load_or_create_secret(path, 32)

    assert problem.value.message.startswith(f"{path} must contain 32 bytes")
    assert path.stat().st_size == size


def test_secret_that_others_can_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    path.write_bytes(b"k" * 32)
    path.chmod(0o644)

    load_or_create_secret(path, 32)

    assert mode(path) == 0o600


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, make_socket])
def test_special_file_in_place_of_a_secret_is_refused_with_its_path(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "signing.key"
    make(path)

    with pytest.raises(StateUnavailable, match=re.escape(str(path))):
        load_or_create_secret(path, 32)


def test_secret_is_not_read_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"k" * 32)
    (tmp_path / "signing.key").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateUnavailable, match=r"signing\.key cannot be used"):
        load_or_create_secret(tmp_path / "signing.key", 32)


@pytest.mark.parametrize("durable", [True, False])
def test_written_file_replaces_the_old_one_and_is_private(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "desks.json"
    path.write_text("old")
    path.chmod(0o644)

    write_private_file(path, b"new", durable=durable)

    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["desks.json"]


def test_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "desks.json"
    path.mkdir()

    with pytest.raises(OSError, match="directory"):
        write_private_file(path, b"new")

    assert [file.name for file in tmp_path.iterdir()] == ["desks.json"]
