import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from deskwire.art import open_nofollow as links
from deskwire.art.open_nofollow import open_by_steps, open_handle

Open = Callable[[bytes], int]


@pytest.fixture(params=[open_handle, open_by_steps], ids=["openat2", "by hand"])
def find(request: pytest.FixtureRequest) -> Open:
    opened: Open = request.param
    return opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    file = tmp_path / "folder" / "file"
    file.write_bytes(b"content")
    return file


def test_a_file_is_found(find: Open, file: Path) -> None:
    handle = find(bytes(file))

    assert os.fstat(handle).st_ino == file.stat().st_ino
    os.close(handle)


def test_a_link_is_not_followed(find: Open, file: Path) -> None:
    link = file.parent / "link"
    link.symlink_to(file)

    with pytest.raises(OSError, match="symbolic links") as refused:
        find(bytes(link))
    assert refused.value.errno == errno.ELOOP


def test_a_linked_folder_is_not_followed(find: Open, file: Path) -> None:
    link = file.parent.parent / "linked"
    link.symlink_to(file.parent)

    with pytest.raises(OSError) as refused:  # noqa: PT011 - the number says it
        find(bytes(link / "file"))
    assert refused.value.errno in {errno.ELOOP, errno.ENOTDIR}


def test_a_link_of_the_kernels_own_is_not_followed(find: Open, file: Path) -> None:
    opened = os.open(file.parent, os.O_RDONLY)

    with pytest.raises(OSError) as refused:  # noqa: PT011 - the number says it
        find(b"/proc/self/fd/%d/file" % opened)
    os.close(opened)
    assert refused.value.errno in {errno.ELOOP, errno.ENOTDIR}


def test_missing_file_is_not_found(find: Open, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find(bytes(tmp_path / "no" / "where"))


def test_no_handle_is_left_open(find: Open, file: Path) -> None:
    def open_files() -> list[str]:
        return sorted(path.name for path in Path("/proc/self/fd").iterdir())

    before = open_files()
    os.close(find(bytes(file)))
    for missing in (file / "below", file.parent / "missing"):
        with pytest.raises(OSError):  # noqa: PT011 - either of two
            find(bytes(missing))

    assert open_files() == before


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_without_the_call_the_walk_is_done_by_hand(
    monkeypatch: pytest.MonkeyPatch, file: Path, number: int
) -> None:
    monkeypatch.setattr(links, "SYS_OPENAT2", -1)
    monkeypatch.setattr("ctypes.get_errno", lambda: number)

    handle = open_handle(bytes(file))

    assert os.fstat(handle).st_ino == file.stat().st_ino
    os.close(handle)
