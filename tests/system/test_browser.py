"""Chromium as a player: its media session, and a picture file that it soon deletes."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.buses import PrivateBus
from tests.support.client import Client, PlayerStats, Socket, art_path, bearer, player_named
from tests.support.media import Media
from tests.support.programs import Daemon
from tests.support.waiting import until_async
from tests.system.chromium import Chromium

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def daemon(bus: PrivateBus, media: Media) -> Iterator[Daemon]:
    with Chromium(bus, media), Daemon(buses=[bus]) as daemon:
        yield daemon


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon) as client:
        yield client


@pytest.fixture
async def socket(client: Client) -> AsyncIterator[Socket]:
    async with client.watch() as socket:
        yield socket


async def shown(socket: Socket, title: str, *, other_than: str = "") -> PlayerStats:
    """Wait until the browser plays this track and its picture is available."""
    stats = await socket.stats(
        lambda stats: player_named(stats, title).get("art_url", other_than) != other_than,
        what=f"{title!r} with its picture",
    )
    return player_named(stats, title)


async def test_media_session_is_reported_with_all_player_keys(socket: Socket) -> None:
    player = await shown(socket, "The Reason")

    assert set(player) == {
        *("id", "name", "playing", "artist", "title", "album"),
        *("art_url", "timestamp", "duration"),
    }
    assert (player["name"], player["playing"]) == ("Chromium", True)
    assert (player["title"], player["artist"], player["album"]) == (
        "The Reason",
        "Hoobastank",
        "Fallen",
    )
    assert re.fullmatch(r"/tmp/\.org\.chromium\.Chromium\.\w{6}", art_path(player["art_url"]))


async def test_picture_is_served_after_its_file_is_deleted(client: Client, socket: Socket) -> None:
    first = await shown(socket, "The Reason")
    seen = await client.request("GET", first["art_url"], headers=bearer(client.login_token))

    await socket.send("audio-next", first["id"])
    second = await shown(socket, "Going Under", other_than=first["art_url"])
    file = Path(art_path(first["art_url"]))
    await until_async(lambda: not file.exists(), what="Chromium has deleted its file")
    later, new = [
        await client.request("GET", player["art_url"], headers=bearer(client.login_token))
        for player in (first, second)
    ]

    assert seen.status == 200
    assert seen.body.startswith(PNG)
    assert (later.status, later.body) == (200, seen.body)
    assert new.status == 200
    assert new.body.startswith(PNG)
    assert new.body != seen.body
    assert second["id"] == first["id"]
