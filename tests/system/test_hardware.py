"""Battery, wifi and panel: told as they change, gone and back with what tells of them."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.buses import PrivateBus
from tests.support.client import Client, Socket
from tests.support.devices import captured, copied
from tests.support.fake_networkmanager import FakeNetworkManager
from tests.support.programs import Daemon
from tests.support.testbed import SysTestbed
from tests.support.time_scaling import patiently
from tests.support.upower import UPowerDaemon, add_battery, add_charger, set_charge

NO_HARDWARE = captured("container").sys
PANEL = "class/backlight/intel_backlight"
NOT_CONNECTED = {"ssid": "", "connected": False}

Change = tuple[Callable[[], Awaitable[object]], Any]
"""Something to do, and the reading that follows from it."""


@pytest.fixture
def testbed() -> Iterator[SysTestbed]:
    with SysTestbed() as testbed:
        yield testbed


@pytest.fixture
async def screen(system_bus: PrivateBus) -> AsyncIterator[Socket]:
    """Watch a desk whose files tell of no hardware, so that only services do."""
    with Daemon(buses=[system_bus], settings={"devices_sys": NO_HARDWARE}) as desk:
        async with Client(desk) as client, client.watch() as screen:
            yield screen


async def test_battery_change_is_reported_within_a_tenth_of_a_second(
    system_bus: PrivateBus, testbed: SysTestbed, screen: Socket
) -> None:
    battery, charger = add_battery(testbed, percent=80), add_charger(testbed)
    with UPowerDaemon(system_bus, testbed):
        await screen.stats(
            lambda stats: stats.get("battery") == {"percentage": 80, "plugged_in": False}
        )

        delay = await usual_delay(
            screen,
            "battery",
            [
                *(empties(testbed, battery, percent) for percent in (79, 78, 20, 4)),
                (
                    lambda: asyncio.to_thread(testbed.change, charger, online=1),
                    {"percentage": 4, "plugged_in": True},
                ),
            ],
        )

    assert delay < patiently(0.1)


async def test_battery_leaves_and_returns_with_upower(
    system_bus: PrivateBus, testbed: SysTestbed, screen: Socket
) -> None:
    add_battery(testbed, percent=55)
    add_charger(testbed)
    with UPowerDaemon(system_bus, testbed) as upower:
        await screen.stats(lambda stats: "battery" in stats)
        upower.kill()
        await screen.stats(lambda stats: "battery" not in stats)
        await asyncio.to_thread(upower.start)
        back = await screen.stats(lambda stats: "battery" in stats)

    assert back["battery"] == {"percentage": 55, "plugged_in": False}


async def test_removed_battery_is_absent(
    system_bus: PrivateBus, testbed: SysTestbed, screen: Socket
) -> None:
    battery = add_battery(testbed, percent=55)
    with UPowerDaemon(system_bus, testbed):
        await screen.stats(lambda stats: "battery" in stats)
        testbed.remove(battery)

        await screen.stats(lambda stats: "battery" not in stats)


async def test_wifi_change_is_reported_within_a_tenth_of_a_second(
    system_bus: PrivateBus, screen: Socket
) -> None:
    async with FakeNetworkManager(system_bus) as networks:
        adapter = await networks.add_adapter()
        home = await networks.add_network(adapter, "Bazinga! 5G")
        cafe = await networks.add_network(adapter, "Café ☕")
        broken = await networks.add_network(adapter, b"caf\xe9")
        await screen.stats(lambda stats: stats.get("wifi") == NOT_CONNECTED)

        delay = await usual_delay(
            screen,
            "wifi",
            [
                (lambda: networks.connect(adapter, home), connected("Bazinga! 5G")),
                (lambda: networks.roam(adapter, cafe), connected("Café ☕")),
                (lambda: networks.roam(adapter, broken), connected("caf\N{REPLACEMENT CHARACTER}")),
                (lambda: networks.disconnect(adapter), NOT_CONNECTED),
            ],
        )

    assert delay < patiently(0.1)


async def test_wifi_leaves_and_returns_with_networkmanager(
    system_bus: PrivateBus, screen: Socket
) -> None:
    for name in ("first", "second"):
        async with FakeNetworkManager(system_bus) as networks:
            adapter = await networks.add_adapter()
            await networks.connect(adapter, await networks.add_network(adapter, name))
            await screen.stats(lambda stats, name=name: stats.get("wifi") == connected(name))  # type: ignore[misc]
            networks.kill()
            await screen.stats(lambda stats: "wifi" not in stats)


async def test_battery_and_wifi_return_with_the_system_bus(
    system_bus: PrivateBus, testbed: SysTestbed, screen: Socket
) -> None:
    add_battery(testbed, percent=55)
    with UPowerDaemon(system_bus, testbed):
        await screen.stats(lambda stats: "battery" in stats)
    system_bus.kill()
    await screen.stats(lambda stats: "battery" not in stats)
    await asyncio.to_thread(system_bus.restart)
    with UPowerDaemon(system_bus, testbed):
        async with FakeNetworkManager(system_bus) as networks:
            await networks.add_adapter()
            back = await screen.stats(lambda stats: {"battery", "wifi"} <= set(stats))

    assert back["battery"]["percentage"] == 55
    assert back["wifi"] == NOT_CONNECTED


async def test_brightness_without_a_uevent_is_polled(
    tmp_path: Path,
) -> None:
    sys = copied("laptop", tmp_path).sys
    with Daemon(settings={"devices_sys": sys}) as desk:
        async with Client(desk) as client, client.watch() as screen:
            before = await screen.stats(lambda stats: "backlight" in stats)
            (sys / PANEL / "actual_brightness").write_text("4800\n", encoding="ascii")
            after = await screen.stats(lambda stats: stats["backlight"] != 64, within=2.5)

    assert (before["backlight"], after["backlight"]) == (64, 25)


async def test_brightness_uevent_is_reported_within_a_tenth_of_a_second(
    testbed: SysTestbed,
) -> None:
    panel = testbed.add(
        "backlight", "panel", type="raw", max_brightness=100, actual_brightness=50, brightness=50
    )
    with Daemon(env=testbed.env({})) as desk:
        async with Client(desk) as client, client.watch() as screen:
            await screen.stats(lambda stats: stats.get("backlight") == 50)
            delay = await usual_delay(
                screen, "backlight", [shows(testbed, panel, level) for level in (40, 60, 5, 100)]
            )

    assert delay < patiently(0.1)


async def usual_delay(screen: Socket, key: str, changes: Iterable[Change]) -> float:
    """Do one after the other; return the median time, in seconds, until each was told.

    The median, because a busy machine delays any one of them.
    """
    delays = []
    for change, told in changes:
        since = screen.count
        began = time.monotonic()
        await change()
        frame = await screen.frame(
            lambda frame, told=told: frame.event == "stats" and frame.stats.get(key) == told,  # type: ignore[misc]
            since=since,
            what=f"{key} is {told}",
        )
        delays.append(frame.at - began)
    return statistics.median(delays)


def connected(ssid: str) -> dict[str, object]:
    """Return the reading of a connected adapter."""
    return {"ssid": ssid, "connected": True}


def empties(testbed: SysTestbed, battery: str, percent: int) -> Change:
    """Return the change that leaves so much in a battery nobody charges."""
    return (
        lambda: asyncio.to_thread(set_charge, testbed, battery, percent),
        {"percentage": percent, "plugged_in": False},
    )


def shows(testbed: SysTestbed, panel: str, level: int) -> Change:
    """Return the change that sets a panel's level."""
    return lambda: asyncio.to_thread(testbed.change, panel, actual_brightness=level), level
