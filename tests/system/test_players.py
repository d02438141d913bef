"""Real players on a real bus: the daemon reports them, and they perform its commands."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from signal import SIGCONT, SIGSTOP

import pytest

from tests.support.buses import PrivateBus
from tests.support.client import Client, Socket, art_path, player_by_id, player_named
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.programs import Daemon
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async


@pytest.fixture(scope="module")
def daemon(bus: PrivateBus) -> Iterator[Daemon]:
    with Daemon(buses=[bus]) as daemon:
        yield daemon


@pytest.fixture
async def socket(daemon: Daemon) -> AsyncIterator[Socket]:
    async with Client(daemon) as client, client.watch() as socket:
        yield socket


@pytest.fixture
def mpv(bus: PrivateBus, media: Media) -> Iterator[Mpv]:
    with Mpv(bus, [media.first.file, media.second.file]) as mpv:
        yield mpv


async def id_of(socket: Socket, title: str) -> str:
    stats = await socket.stats(lambda stats: player_named(stats, title), what=f"{title!r} plays")
    return str(player_named(stats, title)["id"])


async def test_track_is_reported_with_its_tags_and_its_cover(
    mpv: Mpv, socket: Socket, media: Media
) -> None:
    began = time.monotonic()
    mpv.command("seek", 100, "absolute")

    stats = await socket.stats(
        lambda stats: (
            (player := player_named(stats, "The Reason"))
            and "art_url" in player
            and player["timestamp"] >= 100
        )
    )
    player = player_named(stats, "The Reason")
    passed = time.monotonic() - began

    assert re.fullmatch(r"player[1-9]\d*", player.pop("id"))
    assert 100 <= player.pop("timestamp") <= 101 + passed
    assert art_path(player.pop("art_url")) == str(media.cover)
    assert player == {
        "name": "mpv",
        "playing": True,
        "artist": "Hoobastank",
        "title": "The Reason",
        "album": "Fallen",
        "duration": 232,
    }


async def test_file_without_tags_is_reported_by_its_name(
    bus: PrivateBus, socket: Socket, media: Media
) -> None:
    with Mpv(bus, [media.bare.file]):
        stats = await socket.stats(
            lambda stats: "duration" in player_named(stats, media.bare.file.name)
        )

    player = player_named(stats, media.bare.file.name)
    assert player["artist"] == ""
    assert player["duration"] == 61
    assert {"album", "art_url"}.isdisjoint(player)


async def test_position_advances_only_while_the_player_plays(mpv: Mpv, socket: Socket) -> None:
    player = await id_of(socket, "The Reason")

    def at(stats: dict[str, object]) -> int:
        return int(player_by_id(stats, player).get("timestamp", -1))

    begun = at(await socket.stats())
    await socket.stats(lambda stats: at(stats) >= begun + 2, within=4)
    mpv.set("pause", True)
    paused = await socket.stats(lambda stats: player_by_id(stats, player).get("playing") is False)
    since = socket.count
    await socket.more_frames(2)

    assert {at(frame.stats) for frame in socket.frames[since:]} == {at(paused)}
    assert abs(at(paused) - mpv.get("time-pos")) <= 1


@pytest.mark.parametrize("plays", [True, False])
async def test_play_pause_toggles_the_player(mpv: Mpv, socket: Socket, plays: bool) -> None:
    player = await id_of(socket, "The Reason")
    mpv.set("pause", not plays)
    await socket.stats(lambda stats: player_by_id(stats, player).get("playing") is plays)

    await socket.send("audio-play-pause", player)
    await socket.stats(lambda stats: player_by_id(stats, player).get("playing") is not plays)

    assert mpv.get("pause") is plays


async def test_next_and_previous_change_the_track(mpv: Mpv, socket: Socket) -> None:
    player = await id_of(socket, "The Reason")

    await socket.send("audio-next", player)
    assert await id_of(socket, "Going Under") == player
    assert mpv.get("playlist-pos") == 1
    await socket.send("audio-previous", player)
    assert await id_of(socket, "The Reason") == player
    assert mpv.get("playlist-pos") == 0


async def test_stop_ends_the_playback(mpv: Mpv, socket: Socket) -> None:
    player = await id_of(socket, "The Reason")

    await socket.send("audio-stop", player)

    await until_async(lambda: not mpv.running, what="mpv has ended after the command")
    stats = await socket.stats(lambda stats: not player_by_id(stats, player))
    assert stats["audio"] == []


async def test_command_reaches_only_the_named_player(
    bus: PrivateBus, mpv: Mpv, socket: Socket, media: Media
) -> None:
    with Mpv(bus, [media.second.file, media.first.file]) as other:
        named, not_named = [await id_of(socket, title) for title in ("Going Under", "The Reason")]

        await socket.send("audio-play-pause", named)
        stats = await socket.stats(lambda stats: player_by_id(stats, named).get("playing") is False)

        assert named != not_named
        assert (other.get("pause"), mpv.get("pause")) == (True, False)
        assert player_by_id(stats, not_named)["playing"] is True


async def test_killed_player_is_unknown_and_leaves_the_snapshot(mpv: Mpv, socket: Socket) -> None:
    player = await id_of(socket, "The Reason")
    mpv.kill()
    await socket.stats(lambda stats: stats["audio"] == [], within=1)

    since = socket.count
    sent = await socket.send("audio-play-pause", player)
    refused = await socket.error(since=since)
    fresh = await socket.frame(lambda frame: frame.event == "stats" and frame.at > refused.at)

    assert refused.code == "unknown_player"
    assert fresh.at - sent < patiently(0.5)
    assert fresh.stats["audio"] == []


async def test_player_id_is_never_reused(bus: PrivateBus, socket: Socket, media: Media) -> None:
    seen = []
    for _ in range(2):
        with Mpv(bus, [media.first.file]):
            seen.append(await id_of(socket, "The Reason"))
        await socket.stats(lambda stats: stats["audio"] == [])

    assert seen[0] != seen[1]


async def test_hung_player_delays_no_other_player(
    bus: PrivateBus, mpv: Mpv, socket: Socket, media: Media
) -> None:
    with Mpv(bus, [media.second.file]) as healthy:
        hung, other = [await id_of(socket, title) for title in ("The Reason", "Going Under")]
        mpv.send(SIGSTOP)
        since = socket.count
        sent = await socket.send("audio-next", hung)
        await socket.send("audio-play-pause", other)
        paused = await socket.frame(
            lambda frame: (
                frame.event == "stats" and player_by_id(frame.stats, other).get("playing") is False
            ),
            since=since,
        )
        refused = await socket.error(since=since)
        await socket.frame(lambda frame: frame.at > refused.at + 1)
        mpv.send(SIGCONT)

        assert healthy.get("pause") is True
    assert refused.code == "player_timeout"
    assert refused.at - sent < patiently(1.5)
    assert paused.at < refused.at  # it does not wait for the timeout of the hung player
    assert socket.longest_gap(since) < patiently(1.5)


async def test_command_of_a_monitor_user_is_forbidden(daemon: Daemon, mpv: Mpv) -> None:
    added = daemon.run(
        "users", "add", "visitor", "--scope", "monitor", "--password-stdin", given="just looking\n"
    )
    assert added.returncode == 0, added.stderr

    async with Client(daemon, "visitor", "just looking") as client, client.watch() as socket:
        player = await id_of(socket, "The Reason")
        await socket.send("audio-play-pause", player)
        refused = await socket.error()

    assert refused.code == "forbidden"
    assert mpv.get("pause") is False


async def test_hundred_commands_get_one_throttled_error(mpv: Mpv, socket: Socket) -> None:
    player = await id_of(socket, "The Reason")

    since = socket.count
    async with asyncio.timeout(patiently(5)):
        for _ in range(100):
            await socket.send("audio-play-pause", player)
    refused = await socket.error(since=since)
    await socket.stats(since=socket.count)

    assert refused.code == "throttled"
    errors = [frame for frame in socket.frames[since:] if frame.event == "error"]
    assert len(errors) == 1
    assert mpv.running
