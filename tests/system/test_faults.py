"""Buses and services that end, come back, or come late, under a client that watches."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from tests.support.buses import PrivateBus
from tests.support.client import Client, player_named
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.programs import Daemon
from tests.support.sound_servers import Pulse


@pytest.fixture
def desk(session_bus: PrivateBus) -> Iterator[Daemon]:
    with Daemon(buses=[session_bus]) as desk:
        yield desk


@pytest.fixture
async def client(desk: Daemon) -> AsyncIterator[Client]:
    async with Client(desk) as client:
        yield client


async def test_players_leave_and_return_with_their_bus(
    session_bus: PrivateBus, client: Client, media: Media
) -> None:
    async with client.watch() as screen:
        with Mpv(session_bus, [media.first.file]):
            await screen.stats(lambda stats: player_named(stats, "The Reason"))
            session_bus.kill()
            await screen.stats(lambda stats: stats["audio"] == [], within=2)
        session_bus.restart()
        with Mpv(session_bus, [media.second.file]):
            back = await screen.stats(lambda stats: player_named(stats, "Going Under"), within=5)

    assert [each["title"] for each in back["audio"]] == ["Going Under"]


async def test_late_services_are_reported_within_five_seconds(media: Media) -> None:
    with ExitStack() as late, Pulse() as pulse, PrivateBus() as bus:
        pulse.kill()
        bus.kill()
        with Daemon(buses=[bus], env={"PULSE_SERVER": pulse.address}) as desk:
            async with Client(desk) as client, client.watch() as screen:
                before = await screen.stats()
                pulse.start()
                bus.restart()
                late.enter_context(Mpv(bus, [media.first.file]))
                after = await screen.stats(
                    lambda stats: player_named(stats, "The Reason") and "volume" in stats, within=5
                )

    assert before["audio"] == []
    assert "volume" not in before
    assert after["volume"] == 100


async def test_missing_session_bus_is_logged_once_and_leaves_no_players() -> None:
    with Daemon() as desk:
        async with Client(desk) as client, client.watch() as screen:
            stats = await screen.stats()
            await screen.frame(lambda _: True, since=4)
        told = [line for line in desk.log.splitlines() if "players" in line]

    assert stats["audio"] == []
    assert stats["memory_bytes"] > 0
    assert len(told) == 1, told
    assert "session bus" in told[0]
