import itertools
import os
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.art import picture as pictures
from deskwire.art.picture import (
    LARGEST,
    NotAPicture,
    make_art,
    media_type,
    read_picture,
    read_whole,
)
from tests.support.media import AVIF, GIF, JPEG, KINDS, PNG, SVG, WEBP


@pytest.mark.parametrize(("kind", "content"), KINDS.items())
def test_media_type_follows_from_the_first_bytes(kind: str, content: bytes) -> None:
    assert media_type(content) == kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SVG,
        b"<html>",
        b"\x89PNG",
        b"RIFF\x04\x00\x00\x00WAVE",
        b"\x00\x00\x00\x1cftypmp42\x00\x00\x00\x00mp42isom",
        b"\x00\x00\x00\x10ftypmif1\x00\x00\x00\x00avif",
        b"-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_unknown_first_bytes_are_not_a_picture(content: bytes) -> None:
    assert media_type(content) is None
    with pytest.raises(NotAPicture):
        make_art(content)


@given(
    st.binary()
    | st.sampled_from([AVIF, GIF, JPEG, WEBP]).flatmap(lambda it: st.binary().map(it[:8].__add__))
)
def test_any_bytes_are_survived(content: bytes) -> None:
    assert media_type(content) in {None, *KINDS}


def test_a_picture_is_read_whole_and_known_by_its_content(tmp_path: Path) -> None:
    one, same, other = tmp_path / "one", tmp_path / "same", tmp_path / "other"
    content = PNG + os.urandom(600_000)
    one.write_bytes(content)
    same.write_bytes(content)
    other.write_bytes(content + b"!")

    read = read_picture(bytes(one))

    assert (read.content, read.media_type) == (content, "image/png")
    assert read.etag == read_picture(bytes(same)).etag
    assert read.etag != read_picture(bytes(other)).etag
    assert read.etag.isalnum()


def test_a_picture_of_eight_mebibytes_is_read_and_one_byte_more_is_too_large(
    tmp_path: Path,
) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(PNG)
    os.truncate(file, LARGEST)
    assert len(read_picture(bytes(file)).content) == LARGEST

    os.truncate(file, LARGEST + 1)
    with pytest.raises(NotAPicture, match="large"):
        read_picture(bytes(file))


def test_fifty_gigabytes_that_are_not_there_are_not_read(tmp_path: Path) -> None:
    file = tmp_path / "sparse.png"
    file.write_bytes(PNG)
    os.truncate(file, 50 * 2**30)

    with pytest.raises(NotAPicture, match="large"):
        read_picture(bytes(file))


def test_a_fifo_a_socket_a_device_and_a_folder_are_no_pictures(tmp_path: Path) -> None:
    fifo, listening, folder = tmp_path / "fifo", tmp_path / "socket", tmp_path / "folder"
    os.mkfifo(fifo)
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(listening))
        for path in (fifo, listening, folder, Path("/dev/zero"), Path("/dev/tty")):
            with pytest.raises(NotAPicture, match="regular"):
                read_picture(bytes(path))


@pytest.mark.desktop
def test_file_of_another_user_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "theirs.png"
    file.write_bytes(PNG)
    os.chown(file, 4321, -1)

    with pytest.raises(NotAPicture, match="another user"):
        read_picture(bytes(file))


def test_a_link_to_a_picture_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(PNG)
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")

    with pytest.raises(OSError, match="symbolic"):
        read_picture(bytes(tmp_path / "link.png"))


@pytest.mark.parametrize("content", [SVG, b"<html>", b"key", b""])
def test_a_file_that_is_no_picture_is_not_read(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "cover.png"
    file.write_bytes(content)

    with pytest.raises(NotAPicture):
        read_picture(bytes(file))


def test_picture_being_written_is_read_when_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "slow.png"
    file.touch()
    monkeypatch.setattr(pictures, "PAUSE", 0.5)
    writer = threading.Timer(0.02, lambda: file.write_bytes(PNG + b"done"))
    writer.start()

    assert read_picture(bytes(file)).content == PNG + b"done"
    writer.join()


def test_a_picture_that_goes_on_growing_is_none_or_one_that_was_there(tmp_path: Path) -> None:
    file = tmp_path / "growing.png"
    file.write_bytes(PNG)
    done = threading.Event()

    def grow() -> None:
        with file.open("ab", buffering=0) as growing:
            while not done.is_set() and growing.tell() < 2 * LARGEST:
                growing.write(bytes(4096))

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        assert len(read_picture(bytes(file)).content) <= LARGEST
    except NotAPicture:
        pass
    finally:
        done.set()
        writer.join()


def test_picture_that_changed_during_its_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cover.png"
    file.write_bytes(PNG + b"old")
    read_up_to = pictures.read_up_to

    def read_and_write(descriptor: int, size: int) -> bytes:
        content = read_up_to(descriptor, size)
        if content.endswith(b"old"):
            file.write_bytes(PNG + b"new")
            os.utime(file, ns=(1, 1))
        return content

    monkeypatch.setattr(pictures, "read_up_to", read_and_write)

    assert read_picture(bytes(file)).content == PNG + b"new"


def test_file_that_grew_after_its_check_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "growth.png"
    file.write_bytes(PNG)
    os.truncate(file, 50 * 2**30)

    with file.open("rb") as growth, pytest.raises(NotAPicture, match="large"):
        read_whole(growth.fileno())


@pytest.mark.desktop
def test_a_path_that_is_swapped_gives_the_picture_or_nothing_but_never_the_secret(
    tmp_path: Path,
) -> None:
    named, picture, secret = tmp_path / "named", tmp_path / "picture", tmp_path / "secret"
    picture.write_bytes(PNG + b"picture")
    secret.write_bytes(PNG + b"secret")
    os.chown(secret, 4321, -1)
    named.symlink_to(picture)
    done = threading.Event()

    def swap() -> None:
        spare = tmp_path / "spare"
        for number in itertools.count():
            if done.is_set():
                return
            if number % 3 == 0:
                spare.write_bytes(PNG + b"picture")
            elif number % 3 == 1:
                spare.symlink_to(secret)
            else:
                os.link(secret, spare)
            spare.rename(named)

    swapper = threading.Thread(target=swap)
    swapper.start()
    read = refused = 0
    deadline = time.monotonic() + 100
    while (read < 50 or refused < 50) and time.monotonic() < deadline:
        try:
            assert read_picture(bytes(named)).content == PNG + b"picture"
            read += 1
        except (NotAPicture, OSError):
            refused += 1
    done.set()
    swapper.join()
    assert min(read, refused) >= 50
