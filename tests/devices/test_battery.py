import asyncio
import math
import signal
from collections.abc import Iterator
from contextlib import aclosing
from copy import deepcopy
from pathlib import Path

import pytest
from dbus_fast import Variant

from deskwire.devices.battery import BatteryDevice
from deskwire.devices.dbus.buses import Buses, BusLost
from deskwire.devices.kernel.kernel_file import Roots
from deskwire.devices.power.upower import BATTERY, DEVICE, DISPLAY_DEVICE, PATH
from deskwire.model.readings import Battery
from deskwire.model.units import Percent
from tests.devices.slow_bus import SlowBus
from tests.support.buses import PrivateBus
from tests.support.devices import (
    WatchProcess,
    next_reading,
    resources,
    two_readings,
    wait_for_reading,
)
from tests.support.testbed import SysTestbed
from tests.support.upower import (
    NAME,
    PROGRAM,
    UPowerDaemon,
    add_battery,
    add_charger,
    add_mouse,
    set_charge,
)

VIA_UPOWER = "UPower on the system bus"


def battery(charge: int, plugged_in: bool = False) -> Battery:
    return Battery(Percent(charge), plugged_in)


@pytest.fixture
def bus() -> Iterator[PrivateBus]:
    with PrivateBus(system=True) as bus:
        yield bus


@pytest.fixture
def bed() -> Iterator[SysTestbed]:
    with SysTestbed() as bed:
        yield bed


@pytest.fixture
def upower(bus: PrivateBus, bed: SysTestbed) -> Iterator[UPowerDaemon]:
    with UPowerDaemon(bus, bed) as upower:
        yield upower


@pytest.fixture
def source(bus: PrivateBus, tmp_path: Path) -> BatteryDevice:
    """Reads UPower only: its /sys is empty."""
    return BatteryDevice(
        resources(buses=Buses(session=None, system=bus.address), roots=Roots(sys=tmp_path))
    )


async def test_follows_charge_and_plug(
    bed: SysTestbed, upower: UPowerDaemon, source: BatteryDevice
) -> None:
    charger = add_charger(bed)
    cell = add_battery(bed, percent=80)

    async with aclosing(source.watch()) as readings:
        await wait_for_reading(readings, battery(80))
        assert source.via == VIA_UPOWER
        set_charge(bed, cell, 79)
        assert await next_reading(readings) == battery(79)
        bed.change(charger, online=1)
        assert await next_reading(readings) == battery(79, plugged_in=True)
        bed.change(cell, status="Charging")
        bed.change(charger, online=0)  # the battery has not noticed yet
        assert await next_reading(readings) == battery(79, plugged_in=False)


async def test_a_battery_may_be_taken_out_and_a_mouse_is_none(
    bed: SysTestbed, upower: UPowerDaemon, source: BatteryDevice
) -> None:
    add_mouse(bed)
    inner = add_battery(bed, "BAT0", 80)
    outer = add_battery(bed, "BAT1", 40)

    async with aclosing(source.watch()) as readings:
        await wait_for_reading(readings, battery(60))
        bed.remove(inner)
        assert await next_reading(readings) == battery(40)
        bed.remove(outer)
        assert await next_reading(readings) is None
    assert source.topic.absent == "no system battery"


async def test_first_reading_comes_from_a_running_upower(
    bed: SysTestbed, upower: UPowerDaemon, source: BatteryDevice
) -> None:
    add_battery(bed, percent=55)
    async with aclosing(source.watch()) as readings:
        await wait_for_reading(readings, battery(55))

    async with aclosing(source.watch()) as readings:
        assert await next_reading(readings, within=1.0) == battery(55)


async def test_goes_over_to_the_kernels_files_and_back_as_upower_goes_and_comes(
    bus: PrivateBus, bed: SysTestbed, upower: UPowerDaemon
) -> None:
    cell = add_battery(bed, percent=70)
    sys = Path(bed.root) / "sys"
    source = BatteryDevice(
        resources(buses=Buses(session=None, system=bus.address), roots=Roots(sys=sys))
    )

    async with aclosing(source.watch()) as readings:
        await wait_for_reading(readings, battery(70))
        bed.write(cell, capacity=69)
        upower.kill()
        assert await next_reading(readings) == battery(69)
        assert source.via == f"{sys}/class/power_supply"
        set_charge(bed, cell, 68)
        upower.start()
        assert await next_reading(readings) == battery(68)
        assert source.via == VIA_UPOWER


@pytest.mark.usefixtures("_hurried")
async def test_a_hung_upower_is_not_waited_for(
    bus: PrivateBus, bed: SysTestbed, upower: UPowerDaemon
) -> None:
    add_battery(bed, percent=70)
    sys = Path(bed.root) / "sys"
    source = BatteryDevice(
        resources(buses=Buses(session=None, system=bus.address), roots=Roots(sys=sys))
    )
    upower.send(signal.SIGSTOP)

    async with aclosing(source.watch()) as readings:
        assert await next_reading(readings, within=0.9) == battery(70)
    assert source.via == f"{sys}/class/power_supply"


AN_UPOWER = {
    PATH: {NAME: {"OnBattery": Variant("b", True)}},
    DISPLAY_DEVICE: {
        DEVICE: {
            "Type": Variant("u", BATTERY),
            "PowerSupply": Variant("b", True),
            "IsPresent": Variant("b", True),
            "Percentage": Variant("d", 80.0),
        }
    },
}


def source_of_both(bus: SlowBus, tmp_path: Path) -> BatteryDevice:
    """Return a source whose UPower says 80 % and whose files 70, so that one sees who speaks."""
    cell = tmp_path / "sys/class/power_supply/BAT0"
    cell.mkdir(parents=True)
    for name, text in {"type": "Battery", "capacity": "70", "status": "Discharging"}.items():
        (cell / name).write_text(f"{text}\n")
    return BatteryDevice(
        resources(buses=Buses(session=None, system=bus.address), roots=Roots(sys=tmp_path / "sys"))
    )


@pytest.mark.virtual_time
@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize(("bus_takes", "each_call"), [(0.1, 0.0), (0.0, 0.05), (0.1, 0.05)])
async def test_slow_service_is_waited_for(
    tmp_path: Path, bus_takes: float, each_call: float
) -> None:
    slow = SlowBus(tmp_path, NAME, AN_UPOWER, auth_delay=bus_takes, reply_delay=each_call)
    async with slow as bus, aclosing(source_of_both(bus, tmp_path).watch()) as readings:
        assert await next_reading(readings) == battery(80)


@pytest.mark.virtual_time
@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize(
    ("bus_takes", "each_call"), [(0.6, 0.0), (0.0, 0.4), (0.1, 0.4), (0.0, 0.9)]
)
async def test_service_over_the_timeout_is_used_later(
    tmp_path: Path, bus_takes: float, each_call: float
) -> None:
    slow = SlowBus(tmp_path, NAME, AN_UPOWER, auth_delay=bus_takes, reply_delay=each_call)
    async with slow as bus, aclosing(source_of_both(bus, tmp_path).watch()) as readings:
        first, then, took = await two_readings(readings)

    assert (first, then) == (battery(70), battery(80))
    assert took < 0.25


def upower_with(percentage: Variant) -> dict[str, dict[str, dict[str, Variant]]]:
    objects = deepcopy(AN_UPOWER)
    objects[DISPLAY_DEVICE][DEVICE]["Percentage"] = percentage
    return objects


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "percentage",
    [
        Variant("d", math.nan),
        Variant("d", math.inf),
        Variant("d", -math.inf),
        Variant("d", 65535.0),
        Variant("s", "80 %"),
        Variant("b", True),
        Variant("ad", [80.0]),
    ],
    ids=repr,
)
async def test_files_replace_an_impossible_percentage_until_the_next_possible_one(
    tmp_path: Path, percentage: Variant, caplog: pytest.LogCaptureFixture
) -> None:
    async with SlowBus(tmp_path, NAME, upower_with(percentage)) as bus:
        source = source_of_both(bus, tmp_path)
        async with aclosing(source.watch()) as readings:
            first, via = await next_reading(readings), source.via
            (tmp_path / "sys/class/power_supply/BAT0/capacity").write_text("69\n")
            second = await next_reading(readings)
            bus.objects = upower_with(Variant("d", 80.0))
            third = await next_reading(readings)

    assert (first, second, third) == (battery(70), battery(69), battery(80))
    assert via == f"{tmp_path}/sys/class/power_supply"
    assert source.via == VIA_UPOWER
    assert [line for line in caplog.messages if "UPower reports a percentage" in line] == [
        f"battery: UPower reports a percentage of {percentage.value!r}, which is ignored"
    ]


@pytest.mark.virtual_time
@pytest.mark.parametrize(("percentage", "charge"), [(103.7, 100), (104.0, 100), (-1.0, 0)])
async def test_percentage_near_its_range_is_cut(
    tmp_path: Path, percentage: float, charge: int
) -> None:
    objects = upower_with(Variant("d", percentage))
    slow = SlowBus(tmp_path, NAME, objects)
    async with slow as bus, aclosing(source_of_both(bus, tmp_path).watch()) as readings:
        assert await next_reading(readings) == battery(charge)


@pytest.mark.virtual_time
async def test_impossible_percentage_without_files_is_absent(tmp_path: Path) -> None:
    async with SlowBus(tmp_path, NAME, upower_with(Variant("d", math.nan))) as bus:
        buses = Buses(session=None, system=bus.address)
        source = BatteryDevice(resources(buses=buses, roots=Roots(sys=tmp_path)))
        async with aclosing(source.watch()) as readings:
            assert await next_reading(readings) is None


@pytest.mark.virtual_time
async def test_charging_battery_means_plugged_in_soon_after_its_line_went_offline(
    tmp_path: Path,
) -> None:
    clock = asyncio.get_running_loop().time
    supplies = tmp_path / "class/power_supply"
    for name, text in {
        "AC/type": "Mains",
        "AC/online": "1",
        "BAT0/type": "Battery",
        "BAT0/capacity": "70",
        "BAT0/status": "Charging",
    }.items():
        (supplies / name).parent.mkdir(parents=True, exist_ok=True)
        (supplies / name).write_text(f"{text}\n")
    source = BatteryDevice(resources(roots=Roots(sys=tmp_path)))

    async with aclosing(source.watch()) as readings:
        seen = [await next_reading(readings)]
        (supplies / "AC/online").write_text("0\n")
        began = clock()
        seen.append(await next_reading(readings))
        seen.append(await next_reading(readings))
        took = clock() - began
        (supplies / "BAT0/status").write_text("Discharging\n")
        seen.append(await next_reading(readings))

    assert [reading and reading.plugged_in for reading in seen] == [True, False, True, False]
    assert took < 10


@pytest.mark.virtual_time
@pytest.mark.usefixtures("_hurried")
async def test_slowly_starting_upower_is_started_once_and_used(
    tmp_path: Path,
) -> None:
    clock = asyncio.get_running_loop().time
    slow = SlowBus(tmp_path, NAME, AN_UPOWER, start_delay=5.0)
    async with slow as bus, aclosing(source_of_both(bus, tmp_path).watch()) as readings:
        began = clock()
        first, then, took = await two_readings(readings)

    assert (first, then) == (battery(70), battery(80))
    assert took < 0.25
    assert clock() - began == pytest.approx(5.0, abs=0.1)
    assert bus.start_requests == 1


@pytest.mark.desktop
async def test_activatable_upower_is_started(bed: SysTestbed, tmp_path: Path) -> None:
    add_battery(bed, percent=33)
    services = tmp_path / "services"
    services.mkdir()
    environment = f"LD_PRELOAD=libumockdev-preload.so.0 UMOCKDEV_DIR={bed.root}"
    (services / f"{NAME}.service").write_text(
        f"[D-BUS Service]\nName={NAME}\n"
        f"Exec=/usr/bin/env {environment} UPOWER_HISTORY_DIR={tmp_path} {PROGRAM}\nUser=root\n"
    )
    with PrivateBus(system=True, services=services) as bus:
        source = BatteryDevice(
            resources(buses=Buses(session=None, system=bus.address), roots=Roots(sys=tmp_path))
        )
        async with aclosing(source.watch()) as readings:
            await wait_for_reading(readings, battery(33))

        assert source.via == VIA_UPOWER


async def test_lost_bus_is_reported_at_once(
    bus: PrivateBus, bed: SysTestbed, upower: UPowerDaemon, source: BatteryDevice
) -> None:
    async with aclosing(source.watch()) as readings:
        await next_reading(readings)
        bus.kill()
        with pytest.raises(BusLost):
            await next_reading(readings)


async def test_without_a_system_bus_the_kernels_files_are_read(
    bed: SysTestbed, tmp_path: Path
) -> None:
    add_battery(bed, percent=12)
    add_charger(bed, online=True)
    nowhere = Buses(session=None, system=f"unix:path={tmp_path}/nowhere")
    source = BatteryDevice(resources(buses=nowhere, roots=Roots(sys=Path(bed.root) / "sys")))

    async with aclosing(source.watch()) as readings:
        assert await next_reading(readings) == battery(12, plugged_in=True)


async def test_a_system_bus_that_comes_late_is_found(
    bus: PrivateBus,
    bed: SysTestbed,
    upower: UPowerDaemon,
    source: BatteryDevice,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deskwire.devices.battery.EVERY_WITHOUT_BUS", 0.05)
    add_battery(bed, percent=44)
    upower.kill()
    bus.kill()

    async with aclosing(source.watch()) as readings:
        assert await next_reading(readings) is None
        bus.start()
        upower.start()
        assert await next_reading(readings) == battery(44)


def test_without_upower_the_kernels_events_are_followed(bed: SysTestbed) -> None:
    charger = add_charger(bed)
    cell = add_battery(bed, percent=80)

    with WatchProcess("battery", bed.env()) as watched:
        assert watched.next_reading().reading == {"charge": 80, "plugged_in": False}
        bed.change(charger, online=1)
        seen = watched.next_reading()
        assert seen.reading == {"charge": 80, "plugged_in": True}
        assert seen.via == "/sys/class/power_supply"
        set_charge(bed, cell, 81)
        assert watched.next_reading().reading == {"charge": 81, "plugged_in": True}
        bed.remove(cell)
        assert watched.next_reading().reading is None


async def test_without_events_a_change_is_seen_all_the_same(
    bus: PrivateBus, bed: SysTestbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskwire.devices.battery.EVERY", 0.05)
    cell = add_battery(bed, percent=80)
    buses = Buses(session=None, system=bus.address)
    source = BatteryDevice(resources(buses=buses, roots=Roots(sys=Path(bed.root) / "sys")))

    async with aclosing(source.watch()) as readings:
        assert await next_reading(readings) == battery(80)
        for percent in (79, 78, 77):
            bed.write(cell, capacity=percent)
            assert await next_reading(readings) == battery(percent)
