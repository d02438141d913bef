import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
from dbus_fast import Variant

from deskwire.devices.dbus.buses import Buses
from deskwire.devices.kernel.kernel_file import Roots
from deskwire.devices.wifi import WifiDevice
from deskwire.devices.wireless import nl80211
from deskwire.devices.wireless.adapters import Adapter
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Wifi
from tests.devices.fake_iwd import ADAPTER, DEVICE, NETWORK, STATION, FakeIwd
from tests.devices.fake_iwd import NAME as IWD
from tests.devices.slow_bus import SlowBus
from tests.support.buses import PrivateBus
from tests.support.devices import next_reading, resources, two_readings, wait_for_reading
from tests.support.fake_networkmanager import NO_PATH, PREPARING, UNMANAGED, FakeNetworkManager
from tests.support.processes import send_signal
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
NOT_CONNECTED = Wifi(ssid="", connected=False)
BAZINGA = Wifi(ssid="Bazinga! 5G", connected=True)
CAFE = Wifi(ssid="Café ☕", connected=True)


def source_on(bus: PrivateBus | SlowBus | None) -> WifiDevice:
    return WifiDevice(resources(buses=Buses(session=None, system=bus.address if bus else None)))


def watching(bus: PrivateBus | SlowBus | None) -> aclosing[AsyncGenerator[Wifi | None, None]]:
    return aclosing(source_on(bus).watch())


async def test_networkmanager_changes_are_followed(system_bus: PrivateBus) -> None:
    async with FakeNetworkManager(system_bus) as manager:
        adapter = await manager.add_adapter()
        bazinga = await manager.add_network(adapter, "Bazinga! 5G")
        cafe = await manager.add_network(adapter, "Café ☕")
        async with watching(system_bus) as watch:
            seen = [await next_reading(watch)]
            await manager.connect(adapter, bazinga)
            seen.append(await next_reading(watch))
            await manager.roam(adapter, cafe)
            seen.append(await next_reading(watch))
            await manager.disconnect(adapter)
            seen.append(await next_reading(watch))

        assert seen == [NOT_CONNECTED, BAZINGA, CAFE, NOT_CONNECTED]


async def test_a_dead_access_point_is_no_connection_though_networkmanager_stays_activated(
    system_bus: PrivateBus,
) -> None:
    async with FakeNetworkManager(system_bus) as manager:
        adapter = await manager.add_adapter()
        cafe = await manager.add_network(adapter, "Café ☕")
        await manager.connect(adapter, cafe)
        async with watching(system_bus) as watch:
            assert await next_reading(watch) == CAFE

            await manager.roam(adapter, NO_PATH)

            assert await next_reading(watch) == NOT_CONNECTED


async def test_an_access_point_that_vanished_is_no_connection(system_bus: PrivateBus) -> None:
    async with FakeNetworkManager(system_bus) as manager:
        adapter = await manager.add_adapter()
        cafe = await manager.add_network(adapter, "Café ☕")
        await manager.connect(adapter, cafe)
        async with watching(system_bus) as watch:
            assert await next_reading(watch) == CAFE

            await manager.lose(adapter, cafe)

            assert await next_reading(watch) == NOT_CONNECTED


async def test_an_adapter_plugged_in_later_is_noticed(system_bus: PrivateBus) -> None:
    async with FakeNetworkManager(system_bus) as manager, watching(system_bus) as watch:
        assert await next_reading(watch) is None

        await manager.add_adapter()

        assert await next_reading(watch) == NOT_CONNECTED


async def test_of_several_adapters_the_connected_one_is_shown(system_bus: PrivateBus) -> None:
    async with FakeNetworkManager(system_bus) as manager:
        first = await manager.add_adapter("wlan0")
        second = await manager.add_adapter("wlan1")
        bazinga = await manager.add_network(first, "Bazinga! 5G")
        cafe = await manager.add_network(second, "Café ☕")
        await manager.connect(second, cafe)
        async with watching(system_bus) as watch:
            assert await next_reading(watch) == CAFE

            await manager.connect(first, bazinga)

            assert await next_reading(watch) == BAZINGA


async def test_an_ssid_that_is_not_utf_8_is_shown_with_replacement_characters(
    system_bus: PrivateBus,
) -> None:
    async with FakeNetworkManager(system_bus) as manager:
        adapter = await manager.add_adapter()
        odd = await manager.add_network(adapter, b"caf\xe9\x00\x1b[31m")
        await manager.connect(adapter, odd)
        async with watching(system_bus) as watch:
            assert await next_reading(watch) == Wifi(
                ssid="caf\N{REPLACEMENT CHARACTER}[31m", connected=True
            )


async def test_networkmanager_may_be_killed_and_come_back(system_bus: PrivateBus) -> None:
    async with watching(system_bus) as watch:
        seen = [await next_reading(watch)]
        for _ in range(2):
            async with FakeNetworkManager(system_bus) as manager:
                adapter = await manager.add_adapter()
                seen.append(await next_reading(watch))
                await manager.connect(adapter, await manager.add_network(adapter, "Café ☕"))
                seen.append(await next_reading(watch))
                manager.kill()
                seen.append(await next_reading(watch))

        assert seen == [None, *(NOT_CONNECTED, CAFE, None) * 2]


async def test_a_networkmanager_that_only_minds_cables_leaves_the_word_to_iwd(
    system_bus: PrivateBus,
) -> None:
    async with FakeNetworkManager(system_bus) as manager, FakeIwd(system_bus) as iwd:
        await manager.add_cable()
        await manager.add_adapter(state=UNMANAGED)
        iwd.connect(iwd.add_network("Café ☕"))
        source = source_on(system_bus)
        async with aclosing(source.watch()) as watch:
            assert await next_reading(watch) == CAFE
            assert source.via == "iwd on the system bus"


async def test_networkmanager_is_preferred_over_iwd(
    system_bus: PrivateBus,
) -> None:
    async with FakeNetworkManager(system_bus) as manager, FakeIwd(system_bus) as iwd:
        adapter = await manager.add_adapter()
        iwd.connect(iwd.add_network("Café ☕"))
        source = source_on(system_bus)
        async with aclosing(source.watch()) as watch:
            assert await next_reading(watch) == NOT_CONNECTED
            assert source.via == "NetworkManager on the system bus"

            await manager.set_state(adapter, UNMANAGED)

            assert await next_reading(watch) == CAFE
            assert source.via == "iwd on the system bus"


async def test_iwd_changes_are_followed(system_bus: PrivateBus) -> None:
    async with watching(system_bus) as watch:
        seen = [await next_reading(watch)]
        async with FakeIwd(system_bus) as iwd:
            seen.append(await next_reading(watch))
            iwd.connect(iwd.add_network("Bazinga! 5G"))
            seen.append(await next_reading(watch))
            iwd.set("State", "roaming")
            iwd.disconnect()
            seen.append(await next_reading(watch))
            iwd.connect(iwd.add_network("Café ☕"))
            seen.append(await next_reading(watch))
            iwd.power_off()
            seen.append(await next_reading(watch))
        seen.append(await next_reading(watch))

        assert seen == [None, NOT_CONNECTED, BAZINGA, NOT_CONNECTED, CAFE, NOT_CONNECTED, None]


async def test_irrelevant_change_yields_no_reading(system_bus: PrivateBus) -> None:
    async with FakeNetworkManager(system_bus) as manager, watching(system_bus) as watch:
        adapter = await manager.add_adapter()
        assert await next_reading(watch) == NOT_CONNECTED
        coming = asyncio.ensure_future(next_reading(watch))

        cafe = await manager.add_network(adapter, "Café ☕")
        await manager.set_state(adapter, PREPARING)
        await manager.add_adapter("wlan1")
        await manager.connect(adapter, cafe)

        assert await coming == CAFE


async def test_a_burst_of_signals_is_one_reading_and_asks_for_nothing(
    system_bus: PrivateBus,
) -> None:
    async with FakeIwd(system_bus) as iwd, watching(system_bus) as watch:
        assert await next_reading(watch) == NOT_CONNECTED
        cafe, bazinga = iwd.add_network("Café ☕"), iwd.add_network("Bazinga! 5G")

        for _ in range(10):
            iwd.scan()
            iwd.connect(cafe)
            iwd.disconnect()
        iwd.connect(bazinga)

        assert len(await wait_for_reading(watch, BAZINGA)) < 20
        assert iwd.reads == 1
        with pytest.raises(TimeoutError):
            await next_reading(watch, within=0.02)


async def test_change_during_the_first_read_is_not_lost(
    system_bus: PrivateBus,
) -> None:
    async with FakeIwd(system_bus) as iwd:
        iwd.connects_after_reply = iwd.add_network("Café ☕")
        async with watching(system_bus) as watch:
            assert CAFE in await wait_for_reading(watch, CAFE)


async def test_a_networkmanager_that_hangs_delays_nothing(system_bus: PrivateBus) -> None:
    async with FakeNetworkManager(system_bus) as manager, FakeIwd(system_bus) as iwd:
        await manager.add_adapter()
        iwd.connect(iwd.add_network("Café ☕"))
        manager.send(signal.SIGSTOP)
        started = time.monotonic()
        async with watching(system_bus) as watch:
            first = await next_reading(watch)

        assert first == CAFE
        assert time.monotonic() - started < patiently(0.25)


@pytest.mark.usefixtures("_hurried")
async def test_slow_service_is_used_after_its_answer(system_bus: PrivateBus) -> None:
    async with FakeIwd(system_bus) as iwd:
        iwd.connect(iwd.add_network("Café ☕"))
        iwd.answers.clear()
        source = source_on(system_bus)
        async with aclosing(source.watch()) as watch:
            assert await next_reading(watch) is None
            assert source.via == "nl80211 in the kernel"
            iwd.answers.set()

            assert await next_reading(watch) == CAFE
            assert source.via == "iwd on the system bus"
            assert iwd.reads == 1


@pytest.mark.usefixtures("_hurried")
async def test_a_bus_that_hangs_delays_nothing(system_bus: PrivateBus) -> None:
    send_signal(system_bus.pid, signal.SIGSTOP)
    started = time.monotonic()
    try:
        async with watching(system_bus) as watch:
            first = await next_reading(watch)
            took = time.monotonic() - started
    finally:
        os.kill(system_bus.pid, signal.SIGCONT)

    assert first is None
    assert took < patiently(0.25)


AN_IWD = {
    ADAPTER: {
        DEVICE: {"Name": Variant("s", "wlan0")},
        STATION: {
            "State": Variant("s", "connected"),
            "ConnectedNetwork": Variant("o", "/network"),
        },
    },
    "/network": {NETWORK: {"Name": Variant("s", "Café ☕")}},
}


@pytest.fixture
def _a_kernel_with_an_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernel name another network than the service, so that one sees who speaks."""
    adapter = Adapter(name="wlan0", connected=True, ssid=BAZINGA.ssid)
    monkeypatch.setattr(nl80211, "read_adapters", lambda _: [adapter])


@pytest.mark.virtual_time
@pytest.mark.usefixtures("_hurried", "_a_kernel_with_an_adapter")
@pytest.mark.parametrize(("bus_takes", "service_takes"), [(0.08, 0.0), (0.0, 0.08), (0.08, 0.08)])
async def test_slow_service_is_waited_for(
    tmp_path: Path, bus_takes: float, service_takes: float
) -> None:
    slow = SlowBus(tmp_path, IWD, AN_IWD, auth_delay=bus_takes, reply_delay=service_takes)
    async with slow as bus, watching(bus) as watch:
        assert await next_reading(watch) == CAFE


@pytest.mark.virtual_time
@pytest.mark.usefixtures("_hurried", "_a_kernel_with_an_adapter")
@pytest.mark.parametrize(("bus_takes", "service_takes"), [(0.6, 0.0), (0.0, 0.6), (0.08, 0.6)])
async def test_service_over_the_timeout_is_used_later(
    tmp_path: Path, bus_takes: float, service_takes: float
) -> None:
    slow = SlowBus(tmp_path, IWD, AN_IWD, auth_delay=bus_takes, reply_delay=service_takes)
    async with slow as bus, watching(bus) as watch:
        first, then, took = await two_readings(watch)

    assert (first, then) == (BAZINGA, CAFE)
    assert took < 0.25


@pytest.mark.virtual_time
@pytest.mark.usefixtures("_hurried", "_a_kernel_with_an_adapter")
@pytest.mark.parametrize(
    ("failures", "service_takes"),
    [
        ([], 1.5),
        ([], 6.0),
        ([""], 0.0),
        ([UNKNOWN_OBJECT], 0.0),
        ([UNKNOWN_OBJECT, "", UNKNOWN_OBJECT], 1.5),
    ],
    ids=["slow", "slower", "no reply", "error", "all of them"],
)
async def test_service_without_a_first_answer_is_asked_again(
    tmp_path: Path, failures: list[str], service_takes: float
) -> None:
    slow = SlowBus(tmp_path, IWD, AN_IWD, reply_delay=service_takes, failures=failures)
    async with slow as bus, watching(bus) as watch:
        first, took = await next_reading(watch), 0.0
        began = asyncio.get_running_loop().time()
        then = await next_reading(watch, within=6.0)
        took = asyncio.get_running_loop().time() - began

    assert (first, then) == (BAZINGA, CAFE)
    assert took < 20


@pytest.mark.virtual_time
@pytest.mark.usefixtures("_hurried")
async def test_service_that_never_answers_is_asked_less_and_less(tmp_path: Path) -> None:
    slow = SlowBus(tmp_path, IWD, AN_IWD, failures=[UNKNOWN_OBJECT] * 1000)
    async with slow as bus, watching(bus) as watch:
        await next_reading(watch)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await anext(watch)

    assert 10 < 1000 - len(bus.failures) < 20


@pytest.mark.virtual_time
async def test_adapter_without_an_event_is_found_within_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[Adapter] = []
    monkeypatch.setattr(nl80211, "read_adapters", lambda _: list(found))
    async with watching(None) as watch:
        first = await next_reading(watch)
        found.append(Adapter(name="wlan0", connected=True, ssid=BAZINGA.ssid))
        began = asyncio.get_running_loop().time()
        then = await next_reading(watch)
        took = asyncio.get_running_loop().time() - began

    assert (first, then) == (None, BAZINGA)
    assert took < 10.1


@pytest.mark.desktop
async def test_without_a_system_bus_the_kernel_is_asked_and_the_bus_is_found_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deskwire.devices.wifi.BUS_AGAIN", 0.1)
    with PrivateBus(system=True) as bus:
        async with FakeIwd(bus) as iwd:
            iwd.connect(iwd.add_network("Café ☕"))
            bus.kill()
        source = source_on(bus)
        async with aclosing(source.watch()) as watch:
            assert await next_reading(watch) is None
            assert source.via == "nl80211 in the kernel"

            bus.restart()
            async with FakeIwd(bus):
                assert await next_reading(watch, within=5) == NOT_CONNECTED
                bus.kill()
                assert await next_reading(watch) is None


async def test_a_bus_that_is_lost_is_survived_within_the_watch(system_bus: PrivateBus) -> None:
    async with FakeIwd(system_bus) as iwd, watching(system_bus) as watch:
        iwd.connect(iwd.add_network("Café ☕"))
        await wait_for_reading(watch, CAFE)

        system_bus.kill()

        assert await next_reading(watch) is None


async def test_a_desk_without_any_wireless_networking_has_none_and_says_so() -> None:
    source = source_on(None)
    async with aclosing(source.watch()) as watch:
        assert await next_reading(watch) is None
        assert source.topic.absent == "no wireless adapter"


async def test_a_kernel_that_may_not_be_asked_is_no_matter_without_an_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nl80211, "read_adapters", refuse)
    desk_without, desk_with = tmp_path / "without", tmp_path / "with"
    (desk_with / "class/ieee80211/phy0").mkdir(parents=True)
    buses = Buses(session=None, system=None)

    async with aclosing(
        WifiDevice(resources(buses=buses, roots=Roots(sys=desk_without))).watch()
    ) as watch:
        assert await next_reading(watch) is None
    async with aclosing(
        WifiDevice(resources(buses=buses, roots=Roots(sys=desk_with))).watch()
    ) as watch:
        with pytest.raises(DeviceUnavailable, match="Operation not permitted") as raised:
            await next_reading(watch)
        assert "AF_NETLINK" in raised.value.remedy


def refuse(_: object) -> list[Adapter]:
    raise PermissionError(1, "Operation not permitted")


async def test_closed_watch_releases_all_resources(system_bus: PrivateBus) -> None:
    before = open_descriptors()
    for _ in range(3):
        async with watching(system_bus) as watch:
            await next_reading(watch)
        await asyncio.sleep(0)

    await until_async(lambda: open_descriptors() == before, what="all descriptors are closed")


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
