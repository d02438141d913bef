from pathlib import Path

import pytest

from deskwire.art.cache import ArtCache
from deskwire.art.picture import make_art
from tests.support.media import JPEG, PNG


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "art"


def test_a_picture_becomes_a_file_that_only_we_may_read(folder: Path) -> None:
    path = Path(ArtCache(folder).write(make_art(JPEG)))

    assert path.read_bytes() == JPEG
    assert path.parent == folder
    assert path.suffix == ".jpg"
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_same_picture_is_one_file(folder: Path) -> None:
    cache = ArtCache(folder)

    assert cache.write(make_art(PNG)) == cache.write(make_art(PNG))
    assert len(list(folder.iterdir())) == 1


def test_only_files_of_an_earlier_run_are_removed(folder: Path) -> None:
    left = Path(ArtCache(folder).write(make_art(PNG)))
    (folder / "not ours.png").write_bytes(PNG)

    written = Path(ArtCache(folder).write(make_art(JPEG)))

    assert not left.exists()
    assert {path.name for path in folder.iterdir()} == {"not ours.png", written.name}


def test_a_removed_picture_leaves_no_file(folder: Path) -> None:
    cache = ArtCache(folder)
    key = cache.write(make_art(PNG))

    assert cache.holds(key)
    cache.remove(key)
    cache.remove(key)

    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = ArtCache(tmp_path / "file" / "art")

    assert cache.holds(cache.write(make_art(PNG)))


def test_a_link_put_in_the_way_is_not_written_through(folder: Path, tmp_path: Path) -> None:
    cache = ArtCache(folder)
    path = Path(cache.write(make_art(PNG)))
    path.unlink()
    path.symlink_to(tmp_path / "target")

    cache.write(make_art(PNG))

    assert not (tmp_path / "target").exists()
