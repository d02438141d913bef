"""Real players on a real bus: what the desk tells of them, and that they do as they are told."""

import asyncio
import itertools
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
def desk(bus: PrivateBus) -> Iterator[Daemon]:
    with Daemon(buses=[bus]) as desk:
        yield desk


@pytest.fixture
async def screen(desk: Daemon) -> AsyncIterator[Socket]:
    async with Client(desk) as client, client.watch() as screen:
        yield screen


@pytest.fixture
def mpv(bus: PrivateBus, media: Media) -> Iterator[Mpv]:
    with Mpv(bus, [media.first.file, media.second.file]) as mpv:
        yield mpv


async def id_of(screen: Socket, title: str) -> str:
    stats = await screen.stats(lambda stats: player_named(stats, title), what=f"{title!r} plays")
    return str(player_named(stats, title)["id"])


async def test_track_is_reported_with_its_tags_and_its_cover(
    mpv: Mpv, screen: Socket, media: Media
) -> None:
    sought = time.monotonic()
    mpv.command("seek", 100, "absolute")

    stats = await screen.stats(
        lambda stats: (
            (told := player_named(stats, "The Reason"))
            and "art_url" in told
            and told["timestamp"] >= 100
        )
    )
    told = player_named(stats, "The Reason")
    passed = time.monotonic() - sought

    assert re.fullmatch(r"player[1-9]\d*", told.pop("id"))
    assert 100 <= told.pop("timestamp") <= 101 + passed
    assert art_path(told.pop("art_url")) == str(media.cover)
    assert told == {
        "name": "mpv",
        "playing": True,
        "artist": "Hoobastank",
        "title": "The Reason",
        "album": "Fallen",
        "duration": 232,
    }


async def test_file_without_tags_is_reported_by_its_name(
    bus: PrivateBus, screen: Socket, media: Media
) -> None:
    with Mpv(bus, [media.bare.file]):
        stats = await screen.stats(
            lambda stats: "duration" in player_named(stats, media.bare.file.name)
        )

    told = player_named(stats, media.bare.file.name)
    assert told["artist"] == ""
    assert told["duration"] == 61
    assert {"album", "art_url"}.isdisjoint(told)


async def test_position_advances_only_while_the_player_plays(mpv: Mpv, screen: Socket) -> None:
    player = await id_of(screen, "The Reason")

    def at(stats: dict[str, object]) -> int:
        return int(player_by_id(stats, player).get("timestamp", -1))

    begun = at(await screen.stats())
    await screen.stats(lambda stats: at(stats) >= begun + 2, within=4)
    mpv.set("pause", True)
    paused = await screen.stats(lambda stats: player_by_id(stats, player).get("playing") is False)
    since = screen.count
    await screen.frame(lambda _: True, since=since + 1)

    assert {at(frame.stats) for frame in screen.frames[since:]} == {at(paused)}
    assert abs(at(paused) - mpv.get("time-pos")) <= 1


@pytest.mark.parametrize("plays", [True, False])
async def test_play_pause_toggles_the_player(mpv: Mpv, screen: Socket, plays: bool) -> None:
    player = await id_of(screen, "The Reason")
    mpv.set("pause", not plays)
    await screen.stats(lambda stats: player_by_id(stats, player).get("playing") is plays)

    await screen.send("audio-play-pause", player)
    await screen.stats(lambda stats: player_by_id(stats, player).get("playing") is not plays)

    assert mpv.get("pause") is plays


async def test_next_and_previous_change_the_track(mpv: Mpv, screen: Socket) -> None:
    player = await id_of(screen, "The Reason")

    await screen.send("audio-next", player)
    assert await id_of(screen, "Going Under") == player
    assert mpv.get("playlist-pos") == 1
    await screen.send("audio-previous", player)
    assert await id_of(screen, "The Reason") == player
    assert mpv.get("playlist-pos") == 0


async def test_stop_ends_the_playback(mpv: Mpv, screen: Socket) -> None:
    player = await id_of(screen, "The Reason")

    await screen.send("audio-stop", player)

    await until_async(lambda: not mpv.running, what="mpv, told to stop, has ended")
    stats = await screen.stats(lambda stats: not player_by_id(stats, player))
    assert stats["audio"] == []


async def test_command_reaches_only_the_named_player(
    bus: PrivateBus, mpv: Mpv, screen: Socket, media: Media
) -> None:
    with Mpv(bus, [media.second.file, media.first.file]) as other:
        named, not_named = [await id_of(screen, title) for title in ("Going Under", "The Reason")]

        await screen.send("audio-play-pause", named)
        stats = await screen.stats(lambda stats: player_by_id(stats, named).get("playing") is False)

        assert named != not_named
        assert (other.get("pause"), mpv.get("pause")) == (True, False)
        assert player_by_id(stats, not_named)["playing"] is True


async def test_killed_player_is_unknown_and_leaves_the_snapshot(mpv: Mpv, screen: Socket) -> None:
    player = await id_of(screen, "The Reason")
    mpv.kill()
    await screen.stats(lambda stats: stats["audio"] == [], within=1)

    since = screen.count
    sent = await screen.send("audio-play-pause", player)
    refused = await screen.error(since=since)
    fresh = await screen.frame(lambda frame: frame.event == "stats" and frame.at > refused.at)

    assert refused.code == "unknown_player"
    assert fresh.at - sent < patiently(0.5)
    assert fresh.stats["audio"] == []


async def test_player_id_is_never_reused(bus: PrivateBus, screen: Socket, media: Media) -> None:
    seen = []
    for _ in range(2):
        with Mpv(bus, [media.first.file]):
            seen.append(await id_of(screen, "The Reason"))
        await screen.stats(lambda stats: stats["audio"] == [])

    assert seen[0] != seen[1]


async def test_hung_player_delays_no_other_player(
    bus: PrivateBus, mpv: Mpv, screen: Socket, media: Media
) -> None:
    with Mpv(bus, [media.second.file]) as lively:
        hung, other = [await id_of(screen, title) for title in ("The Reason", "Going Under")]
        mpv.send(SIGSTOP)
        since = screen.count
        sent = await screen.send("audio-next", hung)
        await screen.send("audio-play-pause", other)
        obeyed = await screen.frame(
            lambda frame: (
                frame.event == "stats" and player_by_id(frame.stats, other).get("playing") is False
            ),
            since=since,
        )
        refused = await screen.error(since=since)
        await screen.frame(lambda frame: frame.at > refused.at + 1)
        mpv.send(SIGCONT)

        assert lively.get("pause") is True
    assert refused.code == "player_timeout"
    assert refused.at - sent < patiently(1.5)
    assert obeyed.at < refused.at  # and not after the second the hung one is given
    frames = screen.frames[since:]
    assert max(later.at - one.at for one, later in itertools.pairwise(frames)) < patiently(1.5)


async def test_command_of_a_monitor_user_is_forbidden(desk: Daemon, mpv: Mpv) -> None:
    added = desk.run(
        "users", "add", "visitor", "--scope", "monitor", "--password-stdin", given="just looking\n"
    )
    assert added.returncode == 0, added.stderr

    async with Client(desk, "visitor", "just looking") as client, client.watch() as screen:
        player = await id_of(screen, "The Reason")
        await screen.send("audio-play-pause", player)
        refused = await screen.error()

    assert refused.code == "forbidden"
    assert mpv.get("pause") is False


async def test_hundred_commands_get_one_throttled_error(mpv: Mpv, screen: Socket) -> None:
    player = await id_of(screen, "The Reason")

    since = screen.count
    async with asyncio.timeout(patiently(5)):
        for _ in range(100):
            await screen.send("audio-play-pause", player)
    refused = await screen.error(since=since)
    await screen.stats(since=screen.count)

    assert refused.code == "throttled"
    errors = [frame for frame in screen.frames[since:] if frame.event == "error"]
    assert len(errors) == 1
    assert mpv.running
