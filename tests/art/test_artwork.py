import asyncio
import base64
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deskwire.art import artwork as artwork_module
from deskwire.art import remote
from deskwire.art.artwork import Art, Artwork, NamedPicture
from deskwire.art.picture import LARGEST, read_picture
from tests.support.kernel import HangingFolder
from tests.support.media import GIF, JPEG, PNG, SVG
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async
from tests.support.web_server import WebServer, content


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def artwork(tmp_path: Path, clock: Clock) -> Artwork:
    return Artwork(tmp_path / "cache", now=clock)


@pytest.fixture
def cover(tmp_path: Path) -> Path:
    cover = tmp_path / "cover.png"
    cover.write_bytes(PNG)
    return cover


async def named(artwork: Artwork, address: str) -> NamedPicture:
    """Name a picture and wait until it is in hand, or nothing is."""
    idle = asyncio.Event()
    picture = artwork.name(address, idle.set)
    if not picture.idle:
        async with asyncio.timeout(patiently(3)):
            await idle.wait()
    return picture


def inlined(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def found(artwork: Artwork, key: str | None) -> Art:
    art = artwork.find(key or "")
    assert art is not None
    return art


async def test_file_is_stored_under_its_path(artwork: Artwork, cover: Path) -> None:
    picture = await named(artwork, cover.as_uri())

    assert picture.key == str(cover)
    art = found(artwork, str(cover))
    assert (art.content, art.media_type) == (PNG, "image/png")
    assert art.etag


async def test_a_name_is_given_once_the_bytes_are_in_hand(artwork: Artwork, cover: Path) -> None:
    picture = artwork.name(cover.as_uri(), lambda: None)

    assert (picture.key, picture.idle) == (None, False)
    assert artwork.find(str(cover)) is None
    await until_async(lambda: picture.idle)
    assert picture.key == str(cover)


async def test_nothing_that_is_not_named_is_found(artwork: Artwork, cover: Path) -> None:
    await named(artwork, cover.as_uri())
    other = cover.with_name("other.png")
    other.write_bytes(PNG)

    for key in (
        str(other),
        "/etc/passwd",
        "/proc/self/environ",
        cover.as_uri(),
        f"/{cover}",
        f"{cover}/",
        f"{cover.parent}/./cover.png",
        f"{cover}\0",
        "",
        "\udcff",
    ):
        assert artwork.find(key) is None
    assert artwork._by_url == {}


async def test_picture_in_the_address_is_cached_as_a_file(
    artwork: Artwork, tmp_path: Path, clock: Clock
) -> None:
    picture = await named(artwork, inlined(GIF))

    assert picture.key is not None
    assert found(artwork, picture.key).media_type == "image/gif"
    file = Path(picture.key)
    assert file.parent == tmp_path / "cache"
    assert file.read_bytes() == GIF
    picture.release()
    clock.now += 61
    assert artwork.find(str(file)) is None
    await until_async(lambda: not file.exists())


async def test_a_picture_outlives_its_naming_by_a_minute(
    artwork: Artwork, cover: Path, clock: Clock
) -> None:
    picture = await named(artwork, cover.as_uri())
    cover.unlink()
    clock.now += 1000
    picture.release()
    clock.now += 60

    assert artwork.find(str(cover)) is not None
    clock.now += 1
    assert artwork.find(str(cover)) is None


async def test_two_players_may_name_the_same_picture(
    artwork: Artwork, cover: Path, clock: Clock
) -> None:
    one, other = await named(artwork, cover.as_uri()), await named(artwork, str(cover))
    one.release()
    clock.now += 100

    assert other.key == str(cover)
    assert artwork.find(str(cover)) is not None


async def test_a_picture_named_again_is_read_again(artwork: Artwork, cover: Path) -> None:
    picture = await named(artwork, cover.as_uri())
    before = found(artwork, str(cover))
    cover.write_bytes(JPEG)

    picture.recheck()
    await until_async(lambda: picture.idle)

    after = found(artwork, str(cover))
    assert (after.content, after.media_type) == (JPEG, "image/jpeg")
    assert after.etag != before.etag


async def test_deleted_picture_named_again_keeps_its_old_content(
    artwork: Artwork, cover: Path
) -> None:
    picture = await named(artwork, cover.as_uri())
    cover.unlink()

    picture.recheck()
    await until_async(lambda: picture.idle)

    assert picture.key == str(cover)
    assert found(artwork, str(cover)).content == PNG


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again after 0.1 s and 0.3 s."""
    monkeypatch.setattr(artwork_module, "LOOK_AGAIN", (0.1, 0.2))


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("first", [None, b"", PNG[:4], SVG, GIF], ids=str)
async def test_cover_that_is_written_late_is_found(
    artwork: Artwork, cover: Path, first: bytes | None
) -> None:
    if first is None:
        cover.unlink()
    else:
        cover.write_bytes(first)
    notified = asyncio.Event()
    picture = artwork.name(cover.as_uri(), notified.set)
    await until_async(notified.is_set)
    assert picture.key == (str(cover) if first == GIF else None)
    notified.clear()

    late = cover.with_name("late")
    late.write_bytes(JPEG)
    late.rename(cover)
    await until_async(lambda: picture.key and found(artwork, picture.key).content == JPEG)

    assert notified.is_set()
    assert picture.version == found(artwork, str(cover)).etag


@pytest.mark.usefixtures("_impatient")
async def test_file_is_read_a_few_times_and_not_for_ever(
    artwork: Artwork, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[bytes] = []

    def count(path: bytes) -> Art:
        reads.append(path)
        return read_picture(path)

    monkeypatch.setattr(artwork_module, "read_picture", count)
    picture = await named(artwork, cover.as_uri())
    await asyncio.sleep(1.0)
    assert len(reads) == 3
    assert found(artwork, str(cover)).content == PNG

    released = await named(artwork, cover.as_uri())
    released.release()
    await asyncio.sleep(0.5)
    assert len(reads) == 4
    picture.release()


@pytest.mark.usefixtures("_impatient")
async def test_deleted_file_keeps_its_picture_when_it_is_read_again(
    artwork: Artwork, cover: Path
) -> None:
    picture = await named(artwork, cover.as_uri())
    version = picture.version
    cover.unlink()
    await asyncio.sleep(0.6)

    assert (picture.key, picture.version) == (str(cover), version)


async def test_picture_named_during_its_read_is_read_again(
    artwork: Artwork, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = threading.Event()

    def read_and_wait(path: bytes) -> Art:
        art = read_picture(path)
        read.wait(5)
        return art

    monkeypatch.setattr(artwork_module, "read_picture", read_and_wait)
    picture = artwork.name(cover.as_uri(), lambda: None)
    await asyncio.sleep(0.02)
    cover.write_bytes(PNG + b"new")
    picture.recheck()
    read.set()
    await until_async(lambda: picture.idle)

    assert found(artwork, str(cover)).content == PNG + b"new"


async def test_a_dropped_naming_keeps_nothing(artwork: Artwork, cover: Path) -> None:
    picture = artwork.name(cover.as_uri(), lambda: pytest.fail("the callback was called"))
    picture.release()
    await named(artwork, cover.as_uri())

    assert picture.key is None


@pytest.mark.desktop
async def test_file_that_is_not_an_accepted_picture_is_not_stored(
    artwork: Artwork, cover: Path, tmp_path: Path
) -> None:
    paths = {kind: tmp_path / kind for kind in ("link", "fifo", "svg", "html", "theirs", "large")}
    paths["link"].symlink_to(cover)
    os.mkfifo(paths["fifo"])
    paths["svg"].write_bytes(SVG)
    paths["html"].write_text("<html>")
    paths["theirs"].write_bytes(PNG)
    os.chown(paths["theirs"], 4321, -1)
    paths["large"].write_bytes(PNG)
    os.truncate(paths["large"], LARGEST + 1)
    (tmp_path / "linked").symlink_to(tmp_path)
    addresses = [path.as_uri() for path in paths.values()]
    addresses += [
        (tmp_path / "linked" / "cover.png").as_uri(),
        tmp_path.as_uri(),
        "file:///dev/zero",
        "file:///proc/self/environ",
        "file:///etc/passwd",
        inlined(SVG),
        inlined(b""),
        inlined(PNG + bytes(LARGEST)),
        "data:image/png;base64,!",
        "https://example.org/a.png",
        "gopher://example.org/",
        "",
    ]

    for address in addresses:
        assert (await named(artwork, address)).key is None, address[:80]
    for path in paths.values():
        assert artwork.find(str(path)) is None


@pytest.mark.desktop
async def test_forty_fifos_and_a_hanging_folder_do_not_hold_up_a_picture(
    artwork: Artwork, cover: Path, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with HangingFolder(tmp_path / "hangs") as hanging:
        hung = [
            artwork.name(address, lambda: None)
            for number in range(40)
            for address in (fifo.as_uri(), (hanging.path / f"{number}.png").as_uri())
        ]
        begun = time.monotonic()
        picture = await named(artwork, cover.as_uri())

        assert picture.key == str(cover)
        assert time.monotonic() - begun < patiently(1.0)
        for each in hung:
            each.release()
        hanging.release()


@pytest.mark.desktop
async def test_picture_in_a_recovered_directory_is_stored(artwork: Artwork, tmp_path: Path) -> None:
    with HangingFolder(tmp_path / "hangs") as hanging:
        stuck = [
            artwork.name((hanging.path / f"{number}.png").as_uri(), lambda: None)
            for number in range(5)
        ]
        await named(artwork, (tmp_path / "nothing").as_uri())
        assert not stuck[-1].idle
        hanging.release()
        await until_async(lambda: all(picture.idle for picture in stuck))


async def test_full_store_refuses_a_picture(artwork: Artwork, tmp_path: Path) -> None:
    keys = []
    for number in range(5):
        file = tmp_path / f"{number}.png"
        file.write_bytes(PNG)
        os.truncate(file, LARGEST)
        keys.append((await named(artwork, file.as_uri())).key)

    assert [key is not None for key in keys] == [True] * 4 + [False]


# ---- from the web --------------------------------------------------------------------------------


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setattr(remote, "is_public", lambda _: True)
    with WebServer({"/a.png": content(PNG)}) as web:
        yield web


async def test_remote_picture_is_not_fetched_by_default(artwork: Artwork, web: WebServer) -> None:
    assert (await named(artwork, web.url("/a.png"))).key is None
    assert web.requests == []


async def test_remote_picture_is_fetched_once(tmp_path: Path, clock: Clock, web: WebServer) -> None:
    artwork = Artwork(tmp_path / "cache", fetch_remote=True, now=clock)

    first = await named(artwork, web.url("/a.png"))
    second = await named(artwork, web.url("/a.png"))

    assert first.key is not None
    assert first.key == second.key
    assert Path(first.key).parent == tmp_path / "cache"
    assert found(artwork, first.key).content == PNG
    assert web.requests == ["/a.png"]
    key = first.key
    first.release()
    second.release()
    clock.now += 61
    assert artwork.find(key) is None
    assert artwork._by_url == {}
    assert (await named(artwork, web.url("/a.png"))).key is not None
    assert web.requests == ["/a.png", "/a.png"]


async def test_a_picture_that_is_not_to_be_had_from_the_web_is_none(
    tmp_path: Path, web: WebServer
) -> None:
    artwork = Artwork(tmp_path / "cache", fetch_remote=True)

    picture = await named(artwork, web.url("/missing.png"))

    assert picture.key is None
    picture.recheck()
    assert picture.idle
