import asyncio
import gc
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from dbus_fast import Message, Variant

from deskwire.devices.dbus.buses import (
    BUS,
    BUS_PATH,
    Bus,
    Buses,
    BusLost,
    CallFailed,
    CallTimedOut,
    owner_changes,
    unwrap,
)
from deskwire.model.units import Seconds
from tests.support.buses import PrivateBus
from tests.support.fake_player import PATH, PLAYER, FakePlayer, metadata
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async


@pytest.fixture
def buses(session_bus: PrivateBus) -> Buses:
    return Buses(session=session_bus.address, system=None)


@pytest.fixture
async def bus(buses: Buses) -> AsyncIterator[Bus]:
    async with buses.session() as bus:
        yield bus


async def test_a_call_pending_when_the_last_holder_leaves_ends(
    session_bus: PrivateBus, buses: Buses
) -> None:
    async with FakePlayer(session_bus) as player:
        player.silent.add("Next")
        async with buses.session() as bus:
            pending = asyncio.create_task(bus.call(player.name, PATH, PLAYER, "Next"))
            await until_async(lambda: player.calls)

        with pytest.raises(BusLost):
            await pending


async def test_an_answer_is_given_without_its_variants_where_properties_are_asked_for(
    session_bus: PrivateBus, bus: Bus
) -> None:
    results = metadata(title="T", artist=["A"], length=7)
    async with FakePlayer(session_bus, Metadata=results, Rate=1.0) as player:
        found = await bus.properties(player.name, PATH, PLAYER)

    assert found["Rate"] == 1.0
    assert found["Metadata"] == {"xesam:title": "T", "xesam:artist": ["A"], "mpris:length": 7}


async def test_call_without_an_answer_times_out(session_bus: PrivateBus, bus: Bus) -> None:
    async with FakePlayer(session_bus) as player:
        player.silent.add("Next")
        begun = time.monotonic()
        with pytest.raises(CallTimedOut):
            await bus.call(player.name, PATH, PLAYER, "Next", timeout=Seconds(0.1))

    assert time.monotonic() - begun < patiently(0.5)


async def test_late_or_missing_answer_leaves_no_state(session_bus: PrivateBus, bus: Bus) -> None:
    async with FakePlayer(session_bus) as player:
        player.silent.add("Next")
        for _ in range(5):
            with pytest.raises(CallTimedOut):
                await bus.call(player.name, PATH, PLAYER, "Next", timeout=Seconds(0.01))
        assert bus._pending_replies == {}
    await bus.call(BUS, BUS_PATH, BUS, "GetId")

    assert bus._connection._method_return_handlers == {}


async def test_an_error_keeps_its_name(session_bus: PrivateBus, bus: Bus) -> None:
    async with FakePlayer(session_bus) as player:
        player.errors["Next"] = "org.example.Tired"
        with pytest.raises(CallFailed) as failed:
            await bus.call(player.name, PATH, PLAYER, "Next")

    assert failed.value.error_name == "org.example.Tired"
    assert failed.value.message == "org.example.Tired: scripted error"


async def test_service_that_dies_during_a_call_fails_at_once(
    session_bus: PrivateBus, bus: Bus
) -> None:
    async with FakePlayer(session_bus) as player:
        player.dies_on.add("Next")
        with pytest.raises(CallFailed) as failed:
            await bus.call(player.name, PATH, PLAYER, "Next")

    assert failed.value.error_name == "org.freedesktop.DBus.Error.NoReply"


async def test_a_name_has_an_owner_or_none(session_bus: PrivateBus, bus: Bus) -> None:
    async with FakePlayer(session_bus) as player:
        assert await bus.owner(player.name) == player.connection.unique_name

    async with asyncio.timeout(patiently(3)):
        while await bus.owner(player.name) is not None:
            pass


async def test_signals_come_while_their_rules_are_in_force(
    session_bus: PrivateBus, bus: Bus
) -> None:
    received: list[object] = []
    player = FakePlayer(session_bus)

    def hear(message: Message) -> None:
        if message.member == "NameOwnerChanged":
            received.append(message.body)

    async with bus.signals(hear, owner_changes(player.name)):
        async with player:
            await until_async(lambda: received)
            unique = player.connection.unique_name
        await until_async(lambda: len(received) == 2)
    async with player:
        await bus.call(BUS, BUS_PATH, BUS, "GetId")

    assert received == [[player.name, "", unique], [player.name, unique, ""]]


async def test_the_deepest_value_a_bus_lets_through_is_survived(
    session_bus: PrivateBus, bus: Bus
) -> None:
    deep = Variant("s", "deep")
    for _ in range(56):
        deep = Variant("v", deep)
    async with FakePlayer(session_bus, Metadata=deep) as player:
        found = await bus.properties(player.name, PATH, PLAYER)

    assert found["Metadata"] == "deep"
    assert not bus.ended


def test_variants_are_unwrapped_all_the_way_down() -> None:
    wrapped = Variant("a{sv}", {"a": Variant("av", [Variant("i", 1), Variant("s", "b")])})

    assert unwrap({"x": wrapped, "y": [wrapped]}) == {"x": {"a": [1, "b"]}, "y": [{"a": [1, "b"]}]}


@pytest.mark.parametrize("dies", ["before it is looked", "after it was looked"])
async def test_message_sent_to_a_dying_bus_leaves_no_state(
    buses: Buses, session_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    if dies == "after it was looked":
        monkeypatch.setattr(Bus, "_alive", lambda _: True)
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said))
    async with buses.session() as bus:
        async with bus.signals(lambda _: None, owner_changes("org.freedesktop.UPower")):
            session_bus.kill()  # and the event loop does not know it yet
            with pytest.raises(BusLost):
                await bus.owner("org.freedesktop.UPower")
        await bus.lost()

    gc.collect()
    assert complaints == []
