"""Subscriptions to chosen topics: changes, sessions, and desks with the base protocol only."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from deskwire.client import NotConnected, Timeouts, UnknownTopic, connect
from deskwire.client import sync as blocking
from deskwire.client.desk import Desk
from deskwire.model.units import Seconds
from deskwire.simulator.faults import parse_fault
from deskwire.simulator.mock import Mock
from deskwire.simulator.scenario import Scenario, load
from tests.support.scripted_desk import PASSWORD, ScriptedDesk
from tests.support.time_scaling import patiently

EXAMPLE = load("example")
QUICK = Timeouts(first=Seconds(0.05), stable=Seconds(0.3))


@asynccontextmanager
async def desk_of(mock: Mock) -> AsyncIterator[Desk]:
    async with connect(mock.address, mock.user, mock.password, timeouts=QUICK) as desk:
        yield desk


async def take(subscribed: AsyncGenerator[dict[str, Any], None], number: int) -> list[Any]:
    """Return the first readings of a subscription, and end it."""
    taken: list[Any] = []
    async with asyncio.timeout(patiently(10)), aclosing(subscribed):
        async for readings in subscribed:
            taken.append(readings)
            if len(taken) == number:
                break
    return taken


async def test_readings_are_complete_after_each_change() -> None:
    async with Mock(*EXAMPLE) as mock, desk_of(mock) as desk:
        first, second = await take(desk.subscribe("uptime", "wifi"), 2)

    assert first["wifi"] == second["wifi"] == {"ssid": "Bazinga! 5G", "connected": True}
    assert second["uptime"]["up"] > first["uptime"]["up"]


async def test_signalled_change_is_yielded_at_once() -> None:
    async with (
        Mock(*EXAMPLE) as mock,
        desk_of(mock) as desk,
        aclosing(desk.subscribe("volume", interval=5)) as volumes,
    ):
        assert (await anext(volumes))["volume"]["level"] == 88
        await desk.command("volume.set", level=30)
        async with asyncio.timeout(patiently(2)):
            assert (await anext(volumes))["volume"]["level"] == 30


async def test_absent_hardware_is_none() -> None:
    async with Mock(Scenario({"volume": 3})) as mock, desk_of(mock) as desk:
        (readings,) = await take(desk.subscribe("battery", "players"), 1)

    assert readings == {"battery": None, "players": []}


async def test_unknown_topic_is_raised_and_not_tried_again() -> None:
    async with Mock(*EXAMPLE) as mock, desk_of(mock) as desk:
        with pytest.raises(UnknownTopic, match="moon"):
            await take(desk.subscribe("cpu", "moon"), 1)


@pytest.mark.parametrize("fault", ["close=1006@0.5", "close=1001@0.5", "close=4004@0.5"])
async def test_subscription_survives_a_lost_connection(fault: str) -> None:
    async with Mock(*EXAMPLE, faults=[parse_fault(fault)]) as mock, desk_of(mock) as desk:
        readings = await take(desk.subscribe("uptime"), 4)

    ups = [each["uptime"]["up"] for each in readings]
    assert ups == sorted(ups)
    assert ups[-1] > ups[0]


async def test_subscription_outlives_its_sessions() -> None:
    brief = Mock(*EXAMPLE, lifetime=Seconds(2), warning=Seconds(1))
    async with brief as mock, desk_of(mock) as desk:
        readings = await take(desk.subscribe("uptime"), 6)

    assert readings[-1]["uptime"]["up"] >= readings[0]["uptime"]["up"] + 3


async def test_subscription_of_a_desk_that_was_left_ends() -> None:
    async with Mock(*EXAMPLE) as mock:
        async with desk_of(mock) as desk:
            pass
        with pytest.raises(NotConnected):
            await take(desk.subscribe("cpu"), 1)


async def test_garbage_is_ignored() -> None:
    async with Mock(*EXAMPLE, faults=[parse_fault("garbage@0.5")]) as mock, desk_of(mock) as desk:
        assert len(await take(desk.subscribe("uptime"), 3)) == 3


@pytest.fixture
async def old() -> AsyncIterator[ScriptedDesk]:
    """Return a desk that speaks the base protocol only."""
    async with ScriptedDesk() as desk:
        desk.subprotocols = ()
        yield desk


async def test_desk_without_the_subprotocol_is_followed_by_its_snapshots(
    old: ScriptedDesk,
) -> None:
    old.snapshot |= {"volume": 20, "wifi": {"ssid": "Home", "connected": True}}
    async with (
        connect(old.address, "owner", PASSWORD) as desk,
        aclosing(desk.subscribe("volume", "battery", interval=0.01)) as readings,
    ):
        async with asyncio.timeout(patiently(5)):
            first = await anext(readings)
            await old.sockets[0].stats(uptime=2)
            await old.sockets[0].stats(uptime=3, volume=21)
            second = await anext(readings)

    assert first == {"volume": {"level": 20, "muted": False}, "battery": None}
    assert second["volume"]["level"] == 21


async def test_topic_that_an_old_desk_lacks_is_unknown(old: ScriptedDesk) -> None:
    async with connect(old.address, "owner", PASSWORD) as desk:
        with pytest.raises(UnknownTopic, match="mixer"):
            await take(desk.subscribe("volume", "mixer"), 1)


async def test_desk_that_sends_no_readings_is_tried_again() -> None:
    impatient = Timeouts(first=Seconds(0.05), opening=Seconds(patiently(0.1)))
    async with (
        ScriptedDesk() as silent,
        connect(silent.address, "owner", PASSWORD, timeouts=impatient) as desk,
        aclosing(desk.subscribe("volume")) as readings,
    ):
        waiting = asyncio.create_task(anext(readings))
        await silent.wait_for_socket(3)
        waiting.cancel()
        await asyncio.wait([waiting])

    assert len(set(silent.socket_tokens)) >= 2


async def test_subscription_needs_a_topic() -> None:
    async with ScriptedDesk() as any_desk, connect(any_desk.address, "owner", PASSWORD) as desk:
        with pytest.raises(ValueError, match="topic"):
            await anext(desk.subscribe())


async def test_blocking_client_subscribes_too() -> None:
    def script(mock: Mock) -> list[int]:
        seen = []
        with blocking.connect(mock.address, mock.user, mock.password) as desk:
            for readings in desk.subscribe("volume"):
                seen.append(readings["volume"]["level"])
                if len(seen) == 2:
                    break
                desk.command("volume.set", level=30)
        return seen

    async with Mock(*EXAMPLE) as mock:
        assert await asyncio.to_thread(script, mock) == [88, 30]
