"""A daemon in an emulated laptop, run by a plain user: real Wi-Fi, battery and panel."""

from collections.abc import Iterator

import pytest

from tests.system.laptop.machine import HERE, Laptop
from tests.system.laptop.radio import Iwd, NetworkManager, access_point, radios, supplicant
from tests.system.laptop.readings import Readings

pytestmark = pytest.mark.laptop

NOT_CONNECTED = {"ssid": "", "connected": False}
BAZINGA = {"ssid": "Bazinga! 5G", "connected": True}
BY_NETWORKMANAGER = "NetworkManager on the system bus"
BY_IWD = "iwd on the system bus"
BY_UPOWER = "UPower on the system bus"
CAFE = {"ssid": "Café ☕", "connected": True}


@pytest.fixture(scope="module")
def laptop() -> Iterator[Laptop]:
    with Laptop() as laptop:
        yield laptop


@pytest.fixture(scope="module")
def readings(laptop: Laptop) -> Iterator[Readings]:
    with Readings(laptop) as readings:
        yield readings


def set_power(laptop: Laptop, charge: int, *, mains: bool = False, there: bool = True) -> None:
    flow = 0 if not there else 2 if mains else 1
    laptop.run(f"/usr/bin/python3 {HERE}/firmware.py {charge} {mains:d} {flow} {there:d}")


def power(charge: int, *, mains: bool = False) -> dict[str, object]:
    return {"percentage": charge, "plugged_in": mains}


def test_panel_changes_are_reported(laptop: Laptop, readings: Readings) -> None:
    readings.changes("backlight", 71)  # 5 of 7

    laptop.run("echo 3 >/sys/class/backlight/cmpc_bl/brightness")
    assert readings.changes("backlight", 43) == [43]
    laptop.run("echo 7 >/sys/class/backlight/cmpc_bl/brightness")
    assert readings.changes("backlight", 100) == [100]


def test_battery_changes_are_reported_without_upower(laptop: Laptop, readings: Readings) -> None:
    readings.changes("battery", power(80))

    set_power(laptop, 70)
    assert readings.changes("battery", power(70)) == [power(70)]
    set_power(laptop, 70, mains=True)
    assert readings.changes("battery", power(70, mains=True)) == [power(70, mains=True)]
    set_power(laptop, 0, mains=True, there=False)
    assert readings.changes("battery", None)[-1] is None
    set_power(laptop, 80)
    assert readings.changes("battery", power(80))[-1] == power(80)


def test_battery_changes_are_reported_by_upower_and_after_its_end(
    laptop: Laptop, readings: Readings
) -> None:
    readings.changes("battery", power(80))

    with laptop.start("upower", "/usr/libexec/upowerd") as upower:
        laptop.run("until upower -e | grep -q BAT0; do sleep .2; done", within=60)
        set_power(laptop, 60)
        assert readings.changes("battery", power(60)) == [power(60)]
        assert readings.source("battery", BY_UPOWER) == BY_UPOWER
        set_power(laptop, 61, mains=True)
        assert readings.changes("battery", power(61, mains=True))[-1] == power(61, mains=True)
        set_power(laptop, 61)
        assert readings.changes("battery", power(61))[-1] == power(61)
        upower.stop("KILL")
    set_power(laptop, 80)
    assert readings.changes("battery", power(80)) == [power(80)]


def test_wifi_without_a_service_is_read_from_the_kernel(laptop: Laptop, readings: Readings) -> None:
    readings.changes("wifi", None)

    with radios(laptop):
        assert readings.changes("wifi", NOT_CONNECTED) == [NOT_CONNECTED]
        with (
            access_point(laptop, "wlan0", "Café ☕", 1) as cafe,
            supplicant(laptop, "Café ☕"),
        ):
            assert readings.changes("wifi", CAFE) == [CAFE]
            cafe.stop("KILL")
            assert readings.changes("wifi", NOT_CONNECTED) == [NOT_CONNECTED]
    assert readings.changes("wifi", None) == [None]


def test_wifi_is_read_from_iwd(laptop: Laptop, readings: Readings) -> None:
    with (
        radios(laptop),
        access_point(laptop, "wlan0", "Bazinga! 5G", 1),
        access_point(laptop, "wlan2", "Café ☕", 6) as cafe,
        Iwd(laptop) as iwd,
    ):
        readings.changes("wifi", NOT_CONNECTED)

        iwd.connect("Bazinga! 5G")
        assert readings.changes("wifi", BAZINGA) == [BAZINGA]
        assert readings.source("wifi", BY_IWD) == BY_IWD
        iwd.connect("Café ☕")
        assert readings.changes("wifi", CAFE) in ([CAFE], [NOT_CONNECTED, CAFE])
        cafe.stop("KILL")
        # iwd returns to the known network by itself
        assert readings.changes("wifi", BAZINGA) == [NOT_CONNECTED, BAZINGA]


def test_wifi_is_read_from_networkmanager_also_after_its_restart(
    laptop: Laptop, readings: Readings
) -> None:
    with (
        radios(laptop),
        access_point(laptop, "wlan0", "Bazinga! 5G", 1),
        access_point(laptop, "wlan2", "Café ☕", 6) as cafe,
        NetworkManager(laptop, "Bazinga! 5G", "Café ☕") as manager,
    ):
        readings.changes("wifi", NOT_CONNECTED)

        manager.connect("Bazinga! 5G")
        assert readings.changes("wifi", BAZINGA) == [BAZINGA]
        assert readings.source("wifi", BY_NETWORKMANAGER) == BY_NETWORKMANAGER
        manager.connect("Café ☕")
        assert readings.changes("wifi", CAFE) in ([CAFE], [NOT_CONNECTED, CAFE])
        cafe.stop("KILL")
        assert readings.changes("wifi", NOT_CONNECTED) == [NOT_CONNECTED]
        manager.connect("Bazinga! 5G")
        assert readings.changes("wifi", BAZINGA) == [BAZINGA]
        manager.kill()
        manager.start()
        manager.connect("Bazinga! 5G")
        readings.changes("wifi", BAZINGA)
        manager.disconnect()
        assert readings.changes("wifi", NOT_CONNECTED) == [NOT_CONNECTED]
