import asyncio
from pathlib import Path

import pytest

from deskwire.devices.dbus.buses import (
    Bus,
    Buses,
    BusLost,
)
from tests.devices.slow_bus import SlowBus
from tests.support.buses import PrivateBus
from tests.support.fake_player import PATH, PLAYER, FakePlayer
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async


@pytest.fixture
def buses(session_bus: PrivateBus) -> Buses:
    return Buses(session=session_bus.address, system=None)


async def connections(session_bus: PrivateBus) -> int:
    """Number of connections to the bus, without the one that asks."""
    names = await asyncio.to_thread(session_bus.call_bus, "ListNames")
    return names.count(":1.") - 1


async def test_one_connection_is_shared_and_closed_after_the_last(
    session_bus: PrivateBus, buses: Buses
) -> None:
    async with buses.session() as one:
        async with buses.session() as other:
            assert one is other
            assert await connections(session_bus) == 1
        assert not one.ended
        assert await connections(session_bus) == 1

    await until_async(lambda: one.ended)
    assert await connections(session_bus) == 0


async def test_simultaneous_holders_share_one_connection(
    session_bus: PrivateBus, buses: Buses
) -> None:
    all_there = asyncio.Barrier(10)

    async def hold() -> Bus:
        async with buses.session() as bus:
            await all_there.wait()
            return bus

    held = await asyncio.gather(*(hold() for _ in range(10)))

    assert len({id(bus) for bus in held}) == 1
    assert await connections(session_bus) == 0


@pytest.mark.parametrize("address", [None, "unix:path=/nonexistent/bus", "nonsense:", "nonsense"])
async def test_a_bus_that_is_not_there_is_lost(address: str | None) -> None:
    with pytest.raises(BusLost):
        async with Buses(session=address, system=None).session():
            pytest.fail("there is no bus")


@pytest.mark.virtual_time
async def test_a_bus_that_accepts_and_says_nothing_is_lost_in_time(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    server = await asyncio.start_unix_server(hang, tmp_path / "bus")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(BusLost):
        async with Buses(session=f"unix:path={tmp_path / 'bus'}", system=None).session():
            pytest.fail("nobody answered")

    assert loop.time() - begun < 1.5
    released.set()
    server.close()
    await server.wait_closed()


async def test_dead_bus_notifies_its_holders_and_is_reopened(
    session_bus: PrivateBus, buses: Buses
) -> None:
    async with FakePlayer(session_bus) as player, buses.session() as bus:
        player.silent.add("Next")
        before = await bus.guid()
        pending = asyncio.create_task(bus.call(player.name, PATH, PLAYER, "Next"))
        await until_async(lambda: player.calls)
        session_bus.kill()
        async with asyncio.timeout(patiently(1)):
            await bus.lost()

        assert bus.ended
        with pytest.raises(BusLost):
            await pending
        with pytest.raises(BusLost):
            await bus.owner(player.name)
        session_bus.restart()
        async with buses.session() as again:
            assert again is not bus
            assert await again.guid() != before


async def connected(buses: Buses, kind: str) -> bool:
    try:
        async with getattr(buses, kind)():
            return True
    except BusLost:
        return False


@pytest.mark.parametrize("kind", ["session", "system"])
async def test_bus_that_appears_ends_and_moves_is_looked_up_at_each_attempt(
    tmp_path: Path, kind: str
) -> None:
    address: str | None = None
    other: str = "session" if kind == "system" else "system"
    buses = Buses(**{kind: lambda: address, other: None})
    (tmp_path / "moved").mkdir()

    seen = [await connected(buses, kind)]
    async with SlowBus(tmp_path, "org.example", {}) as bus:
        address = bus.address
        seen.append(await connected(buses, kind))
    seen.append(await connected(buses, kind))
    async with SlowBus(tmp_path / "moved", "org.example", {}) as bus:
        address = bus.address
        seen.append(await connected(buses, kind))

    assert seen == [False, True, False, True]
