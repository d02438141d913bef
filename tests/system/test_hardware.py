"""Battery, Wi-Fi and panel: their changes, and their services that end and return."""

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
"""A change to make, and the reading that follows."""


@pytest.fixture
def testbed() -> Iterator[SysTestbed]:
    with SysTestbed() as testbed:
        yield testbed


@pytest.fixture
async def socket(system_bus: PrivateBus) -> AsyncIterator[Socket]:
    """Watch a daemon whose /sys has no hardware, so that it uses services only."""
    with Daemon(buses=[system_bus], settings={"devices_sys": NO_HARDWARE}) as daemon:
        async with Client(daemon) as client, client.watch() as socket:
            yield socket


async def test_battery_change_is_reported_within_a_tenth_of_a_second(
    system_bus: PrivateBus, testbed: SysTestbed, socket: Socket
) -> None:
    battery, charger = add_battery(testbed, percent=80), add_charger(testbed)
    with UPowerDaemon(system_bus, testbed):
        await socket.stats(
            lambda stats: stats.get("battery") == {"percentage": 80, "plugged_in": False}
        )

        delay = await median_delay(
            socket,
            "battery",
            [
                *(discharge(testbed, battery, percent) for percent in (79, 78, 20, 4)),
                (
                    lambda: asyncio.to_thread(testbed.change, charger, online=1),
                    {"percentage": 4, "plugged_in": True},
                ),
            ],
        )

    assert delay < patiently(0.1)


async def test_battery_leaves_and_returns_with_upower(
    system_bus: PrivateBus, testbed: SysTestbed, socket: Socket
) -> None:
    add_battery(testbed, percent=55)
    add_charger(testbed)
    with UPowerDaemon(system_bus, testbed) as upower:
        await socket.stats(lambda stats: "battery" in stats)
        upower.kill()
        await socket.stats(lambda stats: "battery" not in stats)
        await asyncio.to_thread(upower.start)
        returned = await socket.stats(lambda stats: "battery" in stats)

    assert returned["battery"] == {"percentage": 55, "plugged_in": False}


async def test_removed_battery_is_absent(
    system_bus: PrivateBus, testbed: SysTestbed, socket: Socket
) -> None:
    battery = add_battery(testbed, percent=55)
    with UPowerDaemon(system_bus, testbed):
        await socket.stats(lambda stats: "battery" in stats)
        testbed.remove(battery)

        await socket.stats(lambda stats: "battery" not in stats)


async def test_wifi_change_is_reported_within_a_tenth_of_a_second(
    system_bus: PrivateBus, socket: Socket
) -> None:
    async with FakeNetworkManager(system_bus) as networks:
        adapter = await networks.add_adapter()
        home = await networks.add_network(adapter, "Bazinga! 5G")
        cafe = await networks.add_network(adapter, "Café ☕")
        broken = await networks.add_network(adapter, b"caf\xe9")
        await socket.stats(lambda stats: stats.get("wifi") == NOT_CONNECTED)

        delay = await median_delay(
            socket,
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
    system_bus: PrivateBus, socket: Socket
) -> None:
    for name in ("first", "second"):
        async with FakeNetworkManager(system_bus) as networks:
            adapter = await networks.add_adapter()
            await networks.connect(adapter, await networks.add_network(adapter, name))
            await socket.stats(lambda stats, name=name: stats.get("wifi") == connected(name))  # type: ignore[misc]
            networks.kill()
            await socket.stats(lambda stats: "wifi" not in stats)


async def test_battery_and_wifi_return_with_the_system_bus(
    system_bus: PrivateBus, testbed: SysTestbed, socket: Socket
) -> None:
    add_battery(testbed, percent=55)
    with UPowerDaemon(system_bus, testbed):
        await socket.stats(lambda stats: "battery" in stats)
    system_bus.kill()
    await socket.stats(lambda stats: "battery" not in stats)
    await asyncio.to_thread(system_bus.restart)
    with UPowerDaemon(system_bus, testbed):
        async with FakeNetworkManager(system_bus) as networks:
            await networks.add_adapter()
            returned = await socket.stats(lambda stats: {"battery", "wifi"} <= set(stats))

    assert returned["battery"]["percentage"] == 55
    assert returned["wifi"] == NOT_CONNECTED


async def test_brightness_without_a_uevent_is_polled(
    tmp_path: Path,
) -> None:
    sys = copied("laptop", tmp_path).sys
    with Daemon(settings={"devices_sys": sys}) as daemon:
        async with Client(daemon) as client, client.watch() as socket:
            before = await socket.stats(lambda stats: "backlight" in stats)
            (sys / PANEL / "actual_brightness").write_text("4800\n", encoding="ascii")
            after = await socket.stats(lambda stats: stats["backlight"] != 64, within=2.5)

    assert (before["backlight"], after["backlight"]) == (64, 25)


async def test_brightness_uevent_is_reported_within_a_tenth_of_a_second(
    testbed: SysTestbed,
) -> None:
    panel = testbed.add(
        "backlight", "panel", type="raw", max_brightness=100, actual_brightness=50, brightness=50
    )
    with Daemon(env=testbed.env({})) as daemon:
        async with Client(daemon) as client, client.watch() as socket:
            await socket.stats(lambda stats: stats.get("backlight") == 50)
            delay = await median_delay(
                socket,
                "backlight",
                [set_level(testbed, panel, level) for level in (40, 60, 5, 100)],
            )

    assert delay < patiently(0.1)


async def median_delay(socket: Socket, key: str, changes: Iterable[Change]) -> float:
    """Make one change after the other; return the median delay of the readings in seconds.

    It is the median because a busy machine delays single readings.
    """
    delays = []
    for change, reading in changes:
        since = socket.count
        began = time.monotonic()
        await change()
        frame = await socket.frame(
            lambda frame, reading=reading: (
                frame.event == "stats" and frame.stats.get(key) == reading
            ),  # type: ignore[misc]
            since=since,
            what=f"{key} is {reading}",
        )
        delays.append(frame.at - began)
    return statistics.median(delays)


def connected(ssid: str) -> dict[str, object]:
    """Return the reading of a connected adapter."""
    return {"ssid": ssid, "connected": True}


def discharge(testbed: SysTestbed, battery: str, percent: int) -> Change:
    """Return the change that sets the charge of a battery without a charger."""
    return (
        lambda: asyncio.to_thread(set_charge, testbed, battery, percent),
        {"percentage": percent, "plugged_in": False},
    )


def set_level(testbed: SysTestbed, panel: str, level: int) -> Change:
    """Return the change that sets the level of a panel."""
    return lambda: asyncio.to_thread(testbed.change, panel, actual_brightness=level), level
