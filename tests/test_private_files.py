import os
import re
import stat
from collections.abc import Iterator
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

NOBODY = 65534


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def a_plain_user() -> Iterator[None]:
    """Be somebody to whom permissions apply; a plain user is one already."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def somebody_elses(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        return Path("/")
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o777)
    os.chown(folder, NOBODY, NOBODY)
    return folder


def test_a_missing_folder_is_made_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"

    create_private_directory(folder, owned_if_contains="state.db")

    assert mode(folder) == 0o700


def test_an_empty_folder_that_is_open_to_others_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    create_private_directory(tmp_path, owned_if_contains="state.db")

    assert mode(tmp_path) == 0o700


@pytest.mark.parametrize("found", [0o755, 0o777, 0o500])
def test_the_own_folder_is_closed_again_whatever_happened_to_it(tmp_path: Path, found: int) -> None:
    (tmp_path / "state.db").touch()
    tmp_path.chmod(found)

    create_private_directory(tmp_path, owned_if_contains="state.db")

    assert mode(tmp_path) == 0o700


def test_a_shared_folder_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "someone's letter").touch()
    tmp_path.chmod(0o1777)

    with pytest.raises(StateUnavailable, match="is open to others and has other things in it"):
        create_private_directory(tmp_path, owned_if_contains="state.db")

    assert mode(tmp_path) == 0o1777


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(StateUnavailable, match=f"^{re.escape(str(file))} is not a folder$"):
        create_private_directory(file, owned_if_contains="state.db")
    with pytest.raises(StateUnavailable, match="cannot be used: not a directory"):
        create_private_directory(file / "state", owned_if_contains="state.db")


def test_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    folder = somebody_elses(tmp_path)

    with pytest.raises(StateUnavailable, match=r"belongs to \w+ and this is \w+$"):
        create_private_directory(folder, owned_if_contains="state.db")


def test_a_folder_that_cannot_be_reached_or_made_is_told_in_one_line(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)

    with a_plain_user(), pytest.raises(StateUnavailable) as told:
        create_private_directory(closed / "state", owned_if_contains="state.db")

    assert told.value.message == f"{closed / 'state'} cannot be used: permission denied"


def test_a_secret_is_made_once_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"

    first = load_or_create_secret(path, 32)

    assert len(first) == 32
    assert load_or_create_secret(path, 32) == first
    assert path.read_bytes() == first
    assert mode(path) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["signing.key"]


def test_a_secret_that_another_process_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"

    write_private_file(path, b"theirs", replace=False)
    write_private_file(path, b"ours", replace=False)

    assert path.read_bytes() == b"theirs"
    assert [file.name for file in tmp_path.iterdir()] == ["signing.key"]


def test_written_file_replaces_another_with_private_mode(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"old")
    path.chmod(0o644)

    write_private_file(path, b"new", replace=True)

    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["key.pem"]


def test_all_who_make_a_secret_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(
            threads.map(lambda _: load_or_create_secret(tmp_path / "signing.key", 32), range(40))
        )

    assert len(made) == 1


@pytest.mark.parametrize(
    ("size", "told"), [(0, "holds 0 bytes"), (31, "holds 31 bytes"), (33, "more than 32 bytes")]
)
def test_a_secret_of_another_size_is_refused_by_name(tmp_path: Path, size: int, told: str) -> None:
    path = tmp_path / "signing.key"
    path.write_bytes(b"k" * size)

    with pytest.raises(StateUnavailable, match=told) as problem:
        load_or_create_secret(path, 32)

    assert problem.value.message.startswith(f"{path} must hold 32 bytes")
    assert path.stat().st_size == size


def test_a_secret_that_others_could_read_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    path.write_bytes(b"k" * 32)
    path.chmod(0o644)

    load_or_create_secret(path, 32)

    assert mode(path) == 0o600


def test_a_secret_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"k" * 32)
    (tmp_path / "signing.key").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateUnavailable, match=r"signing\.key cannot be used"):
        load_or_create_secret(tmp_path / "signing.key", 32)
