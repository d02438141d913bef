from typing import Any

import pytest
from dbus_fast import Message, MessageType, Variant

from deskwire.devices.power.upower import is_relevant, parse_battery
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
