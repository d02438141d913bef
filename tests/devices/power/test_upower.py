import math
from typing import Any

import pytest
from dbus_fast import Message, MessageType, Variant
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.power.upower import device_paths, is_relevant, parse_supplies
from deskwire.model.possible import check_reading
from deskwire.model.readings import Battery
from deskwire.model.units import Percent

DEVICE = "org.freedesktop.UPower.Device"
PROPERTIES = "org.freedesktop.DBus.Properties"

LINE = {"Type": 1, "PowerSupply": True, "Online": True}
BATTERY = {
    "Type": 2,
    "PowerSupply": True,
    "IsPresent": True,
    "Percentage": 61.0,
    "EnergyFull": 60.0,
}
UPS = {"Type": 3, "PowerSupply": True, "IsPresent": True, "Percentage": 12.0}
MOUSE = {"Type": 5, "PowerSupply": False, "IsPresent": True, "Percentage": 7.0}
HEADSET_AS_BATTERY = {**BATTERY, "PowerSupply": False, "Percentage": 7.0}


def parse_battery(
    daemon: dict[str, Any], display: dict[str, Any], devices: list[dict[str, Any]]
) -> Battery | None:
    return parse_supplies(daemon, display, devices).reading()


def battery(charge: int, plugged_in: bool) -> Battery:
    return Battery(Percent(charge), plugged_in)


def test_upowers_own_sum_is_taken() -> None:
    display = {**BATTERY, "Percentage": 79.5}

    assert parse_battery({}, display, [BATTERY, LINE]) == battery(80, plugged_in=True)


def test_a_ups_does_not_hide_the_laptops_batteries() -> None:
    other = {**BATTERY, "Percentage": 21.0, "EnergyFull": 20.0}

    reading = parse_battery({}, UPS, [UPS, BATTERY, other, {**LINE, "Online": False}])

    assert reading == battery(51, plugged_in=False)


@pytest.mark.parametrize("display", [UPS, {}, {**BATTERY, "IsPresent": False}, MOUSE])
def test_a_ups_or_a_mouse_alone_is_no_battery(display: dict[str, Any]) -> None:
    assert parse_battery({}, display, [UPS, MOUSE, HEADSET_AS_BATTERY, LINE]) is None


@pytest.mark.parametrize(
    ("lines", "on_battery", "plugged_in"),
    [
        ([LINE], True, True),
        ([{**LINE, "Online": False}, LINE], True, True),
        ([{**LINE, "Online": False}], False, False),
        ([{**LINE, "PowerSupply": False}], True, False),
        ([], True, False),
        ([], False, True),
    ],
)
def test_mains_line_decides_plugged_in(
    lines: list[dict[str, Any]], on_battery: bool, plugged_in: bool
) -> None:
    reading = parse_battery({"OnBattery": on_battery}, BATTERY, [BATTERY, *lines])

    assert reading == battery(61, plugged_in)


AC_OFF = {**LINE, "Online": False, "NativePath": "AC"}
PORT_ON = {**LINE, "NativePath": "ucsi-source-psy-USBC000:001"}
TPS_ON = {**LINE, "NativePath": "/org/freedesktop/UPower/devices/line_power_tps"}
CHARGER_ON = {**LINE, "NativePath": "bq25890-charger", "Kind": "USB"}
CHARGING, DISCHARGING, FULL, PENDING = 1, 2, 4, 5


@pytest.mark.parametrize(
    ("lines", "state", "on_battery", "plugged_in"),
    [
        ([AC_OFF], CHARGING, False, True),
        ([AC_OFF], CHARGING, True, True),
        ([], CHARGING, True, True),
        ([AC_OFF, PORT_ON], DISCHARGING, False, False),
        ([AC_OFF, TPS_ON], DISCHARGING, False, False),
        ([AC_OFF, CHARGER_ON], DISCHARGING, False, False),
        ([{**AC_OFF, "Kind": "USB"}, {**PORT_ON, "Kind": "Mains"}], DISCHARGING, False, True),
        ([LINE, {**PORT_ON, "Online": False}], DISCHARGING, True, True),
        ([PORT_ON], DISCHARGING, True, True),
        ([AC_OFF, PORT_ON], FULL, False, True),
        ([AC_OFF, PORT_ON], PENDING, False, True),
        ([], DISCHARGING, False, False),
        ([], 0, True, False),
        ([], [2], True, False),
        ([{**LINE, "Online": "yes"}], DISCHARGING, True, False),
    ],
)
def test_status_and_lines_together_decide_plugged_in(
    lines: list[dict[str, Any]], state: object, on_battery: bool, plugged_in: bool
) -> None:
    cell = {**BATTERY, "State": state}
    reading = parse_battery({"OnBattery": on_battery}, cell, [cell, *lines])

    assert reading == battery(61, plugged_in)


NO_PERCENTAGE = [math.nan, math.inf, -math.inf, "80 %", b"80", [80.0], True, None, 1e300, 255, -100]


@pytest.mark.parametrize("percentage", NO_PERCENTAGE, ids=repr)
def test_impossible_total_is_replaced_by_the_batteries(percentage: object) -> None:
    found = parse_supplies({}, {**BATTERY, "Percentage": percentage}, [BATTERY])

    assert found.reading() == battery(61, plugged_in=True)
    assert found.problem.startswith("UPower reports a percentage of ")


@pytest.mark.parametrize("percentage", NO_PERCENTAGE, ids=repr)
def test_impossible_battery_is_left_out(percentage: object) -> None:
    odd = {**BATTERY, "Percentage": percentage}

    assert parse_supplies({}, UPS, [odd, UPS]).reading() is None
    assert parse_supplies({}, UPS, [odd, BATTERY]).reading() == battery(61, plugged_in=True)
    assert parse_supplies({}, UPS, [odd, BATTERY]).problem
    assert not parse_supplies({}, BATTERY, [odd, BATTERY]).problem


@pytest.mark.parametrize(("percentage", "charge"), [(103.7, 100), (104, 100), (-1.0, 0), (80, 80)])
def test_percentage_near_its_range_is_cut(percentage: float, charge: int) -> None:
    found = parse_supplies({}, {**BATTERY, "Percentage": percentage}, [])

    assert found.reading() == battery(charge, plugged_in=True)
    assert found.problem == ""


@pytest.mark.parametrize("full", [math.nan, math.inf, -5.0, 0.0, "60 Wh", None], ids=repr)
def test_impossible_energy_means_equal_weights(full: object) -> None:
    other = {**BATTERY, "Percentage": 21.0, "EnergyFull": full}

    assert parse_battery({}, UPS, [BATTERY, other]) == battery(41, plugged_in=True)


NAMES = ["Type", "PowerSupply", "IsPresent", "Percentage", "EnergyFull", "State", "Online", "Kind"]
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([1])
PROPERTIES_OF_ANY_TYPE = st.dictionaries(
    st.sampled_from([*NAMES, "NativePath", "OnBattery"]), st.sampled_from([1, 2, True]) | VALUES
)


@given(
    PROPERTIES_OF_ANY_TYPE,
    PROPERTIES_OF_ANY_TYPE,
    st.lists(PROPERTIES_OF_ANY_TYPE | st.just(BATTERY), max_size=4),
)
def test_properties_of_any_type_give_a_possible_reading(
    daemon: dict[str, Any], display: dict[str, Any], devices: list[dict[str, Any]]
) -> None:
    reading = parse_battery(daemon, display, devices)

    assert check_reading(reading).impossible == ()


@pytest.mark.parametrize("body", [[], [5], ["text"], [[5, None, "/elsewhere", "x"]]])
def test_malformed_list_of_devices_has_none(body: list[Any]) -> None:
    assert device_paths(body) == []


def signal(interface: str, member: str, signature: str, *body: Any) -> Message:
    return Message(
        path="/org/freedesktop/UPower",
        interface=interface,
        member=member,
        message_type=MessageType.SIGNAL,
        signature=signature,
        body=list(body),
    )


def changed(interface: str, *names: str, lost: tuple[str, ...] = ()) -> Message:
    new = {name: Variant("b", True) for name in names}
    return signal(PROPERTIES, "PropertiesChanged", "sa{sv}as", interface, new, list(lost))


@pytest.mark.parametrize(
    "message",
    [
        changed(DEVICE, "UpdateTime", "Percentage"),
        changed(DEVICE, lost=("IsPresent",)),
        changed("org.freedesktop.UPower", "OnBattery"),
        changed(DEVICE, "State"),
        signal("org.freedesktop.UPower", "DeviceAdded", "o", "/org/freedesktop/UPower/devices/x"),
        signal(
            *("org.freedesktop.DBus", "NameOwnerChanged", "sss"),
            *("org.freedesktop.UPower", "", ":1.7"),
        ),
    ],
)
def test_a_signal_about_charge_or_plug_is_news(message: Message) -> None:
    assert is_relevant(message)


@pytest.mark.parametrize(
    "message",
    [
        changed(DEVICE, "UpdateTime", "EnergyRate"),
        changed(DEVICE),
        changed("org.freedesktop.NetworkManager", "Percentage"),
        signal(PROPERTIES, "PropertiesChanged", "s", "short"),
        signal("org.freedesktop.DBus", "NameOwnerChanged", "sss", "org.mpris", "", ":1.7"),
    ],
)
def test_other_signals_are_not(message: Message) -> None:
    assert not is_relevant(message)
