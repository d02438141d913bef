"""Album art: the files that players name, for clients with a token, and no other file."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.buses import PrivateBus
from tests.support.client import Client, art_address, bearer
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.programs import Daemon


@pytest.fixture(scope="module")
def daemon(bus: PrivateBus, media: Media) -> Iterator[Daemon]:
    with Mpv(bus, [media.first.file]), Daemon(buses=[bus]) as daemon:
        yield daemon


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon) as client, client.watch() as socket:
        await socket.stats(lambda stats: stats["audio"] and "art_url" in stats["audio"][0])
        yield client


@pytest.fixture
def address(media: Media) -> str:
    return art_address(str(media.cover))


async def test_cover_has_the_bytes_of_its_file(client: Client, address: str, media: Media) -> None:
    answer = await client.request("GET", address, headers=bearer(client.login_token))

    assert answer.status == 200
    assert answer.body == media.cover_bytes
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in answer.headers["Cache-Control"]


async def test_websocket_token_authorizes_the_cover(
    client: Client, address: str, media: Media
) -> None:
    token = await client.websocket_token()

    answer = await client.request("GET", address, headers=bearer(token.token))

    assert (answer.status, answer.body) == (200, media.cover_bytes)


@pytest.mark.parametrize("given", [{}, bearer("nonsense")])
async def test_cover_without_a_valid_token_is_refused(
    client: Client, address: str, given: dict[str, str]
) -> None:
    answer = await client.request("GET", address, headers=given)

    assert (answer.status, answer.code) == (401, "token_refused")


async def test_art_address_without_padding_is_accepted(
    client: Client, address: str, media: Media
) -> None:
    bare = await client.request("GET", address.rstrip("="), headers=bearer(client.login_token))
    padded = await client.request(
        "GET", address.replace("=", "%3D"), headers=bearer(client.login_token)
    )

    assert (bare.status, bare.body) == (200, media.cover_bytes)
    assert (padded.status, padded.body) == (200, media.cover_bytes)


async def test_known_etag_gets_304_without_a_body(client: Client, address: str) -> None:
    first = await client.request("GET", address, headers=bearer(client.login_token))
    tag = first.headers["ETag"]

    unchanged, changed = [
        await client.request(
            "GET", address, headers={**bearer(client.login_token), "If-None-Match": known}
        )
        for known in (tag, '"another"')
    ]

    assert (unchanged.status, unchanged.body, unchanged.headers["ETag"]) == (304, b"", tag)
    assert (changed.status, changed.body) == (200, first.body)


async def test_head_of_a_cover_has_its_size_and_no_body(
    client: Client, address: str, media: Media
) -> None:
    answer = await client.request("HEAD", address, headers=bearer(client.login_token))

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(media.cover_bytes)


async def test_range_of_a_cover_gets_the_whole_file(
    client: Client, address: str, media: Media
) -> None:
    asked = {**bearer(client.login_token), "Range": "bytes=10-19"}

    answer = await client.request("GET", address, headers=asked)

    assert (answer.status, answer.body) == (200, media.cover_bytes)
    assert "Content-Range" not in answer.headers


async def test_file_that_no_player_names_is_not_found(
    client: Client, address: str, media: Media
) -> None:
    with_dots = f"{media.cover.parent}/../{media.cover.parent.name}/{media.cover.name}"
    keys = [
        art_address(path)
        for path in (
            "/etc/passwd",
            "/proc/self/environ",
            str(client.daemon.state_dir),
            str(media.other_cover),
            with_dots,
            f"/{media.cover}",
            f"{media.cover}\0",
            "",
        )
    ]
    answers = [
        await client.request("GET", key, headers=bearer(client.login_token))
        for key in (*keys, f"{address}/", address[:-6], "/v1/img/tmp/!!!")
    ]

    assert {answer.status for answer in answers} == {404}
    assert {answer.code for answer in answers} == {"not_found"}
