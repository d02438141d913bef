"""Buses and services that end, return or start late, while a client is connected."""

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
def daemon(session_bus: PrivateBus) -> Iterator[Daemon]:
    with Daemon(buses=[session_bus]) as daemon:
        yield daemon


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon) as client:
        yield client


async def test_players_leave_and_return_with_their_bus(
    session_bus: PrivateBus, client: Client, media: Media
) -> None:
    async with client.watch() as socket:
        with Mpv(session_bus, [media.first.file]):
            await socket.stats(lambda stats: player_named(stats, "The Reason"))
            session_bus.kill()
            await socket.stats(lambda stats: stats["audio"] == [], within=2)
        session_bus.restart()
        with Mpv(session_bus, [media.second.file]):
            returned = await socket.stats(
                lambda stats: player_named(stats, "Going Under"), within=5
            )

    assert [each["title"] for each in returned["audio"]] == ["Going Under"]


async def test_late_services_are_reported_within_five_seconds(media: Media) -> None:
    with ExitStack() as late, Pulse() as pulse, PrivateBus() as bus:
        pulse.kill()
        bus.kill()
        with Daemon(buses=[bus], env={"PULSE_SERVER": pulse.address}) as daemon:
            async with Client(daemon) as client, client.watch() as socket:
                before = await socket.stats()
                pulse.start()
                bus.restart()
                late.enter_context(Mpv(bus, [media.first.file]))
                after = await socket.stats(
                    lambda stats: player_named(stats, "The Reason") and "volume" in stats, within=5
                )

    assert before["audio"] == []
    assert "volume" not in before
    assert after["volume"] == 100


async def test_missing_session_bus_is_logged_once_and_leaves_no_players() -> None:
    with Daemon() as daemon:
        async with Client(daemon) as client, client.watch() as socket:
            stats = await socket.stats()
            await socket.frame(lambda _: True, since=4)
        logged = [line for line in daemon.log.splitlines() if "players" in line]

    assert stats["audio"] == []
    assert stats["memory_bytes"] > 0
    assert len(logged) == 1, logged
    assert "session bus" in logged[0]
