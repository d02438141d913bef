from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.power.power_supply import ATTRIBUTES, parse_supplies, read_supplies
from deskwire.model.readings import Battery
from deskwire.model.units import Percent

# As files of a ThinkPad X240 (two batteries) and of a mouse say it.
INNER = {
    "type": "Battery",
    "status": "Discharging",
    "present": "1",
    "capacity": "50",
    "energy_full": "23200000",
    "energy_now": "11600000",
    "voltage_now": "11400000",
}
OUTER = {**INNER, "capacity": "90", "energy_full": "69600000", "energy_now": "62640000"}
CHARGE_ONLY = {
    "type": "Battery",
    "scope": "System",
    "status": "Full",
    "charge_now": "3000000",
    "charge_full": "4000000",
    "voltage_min_design": "11100000",
}
MOUSE = {"type": "Battery", "scope": "Device", "status": "Discharging", "capacity": "7"}
UPS = {"type": "UPS", "status": "Discharging", "capacity": "7", "online": "1"}
AC = {"type": "Mains", "online": "1"}
AC_OFF = {"type": "Mains", "online": "0"}
USB_C = {"type": "USB", "online": "0"}
USB_C_ON = {"type": "USB", "online": "1"}


def battery(charge: int, plugged_in: bool) -> Battery:
    return Battery(Percent(charge), plugged_in)


def parse_battery(supplies: list[dict[str, str]]) -> Battery | None:
    return parse_supplies(supplies).reading()


def without(supply: dict[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in supply.items() if name not in names}


def test_one_battery_says_its_own_percentage() -> None:
    assert parse_battery([INNER]) == battery(50, plugged_in=False)


def test_several_are_weighted_by_energy() -> None:
    assert parse_battery([INNER, OUTER]) == battery(80, plugged_in=False)


def test_energy_may_follow_from_charge_and_voltage() -> None:
    assert parse_battery([CHARGE_ONLY]) == battery(75, plugged_in=True)
    assert parse_battery([{**CHARGE_ONLY, "charge_now": "0"}, OUTER]) == battery(
        round(69.6 * 90 / (69.6 + 44.4)), plugged_in=False
    )


def test_batteries_count_alike_where_one_hides_its_energy() -> None:
    bare = without(OUTER, "energy_full", "energy_now")

    assert parse_battery([INNER, bare]) == battery(70, plugged_in=False)


def test_a_mouse_and_a_ups_are_not_the_desks_battery() -> None:
    assert parse_battery([MOUSE, UPS, AC]) is None
    assert parse_battery([MOUSE, UPS, INNER]) == battery(50, plugged_in=False)


def test_an_empty_bay_holds_no_battery() -> None:
    assert parse_battery([{**INNER, "present": "0"}]) is None
    assert parse_battery([{**INNER, "present": "0"}, OUTER]) == battery(90, plugged_in=False)


def test_a_battery_that_says_no_charge_is_left_out() -> None:
    assert parse_battery([without(INNER, "capacity", "energy_now")]) is None


@pytest.mark.parametrize(
    ("lines", "status", "plugged_in"),
    [
        ([AC], "Discharging", True),
        ([AC, USB_C], "Charging", True),
        ([USB_C], "Full", False),
        ([{"type": "USB_PD", "online": "2"}], "Charging", True),
        ([{"type": "Mains"}], "Discharging", False),
        ([{**AC, "scope": "Device"}], "Discharging", False),
        ([], "Not charging", True),
        ([], "Charging", True),
        ([], "Discharging", False),
        ([AC_OFF], "Charging", True),
        ([USB_C], "Charging", True),
        ([AC_OFF, USB_C_ON], "Discharging", False),
        ([AC_OFF, {"type": "Wireless", "online": "1"}], "Discharging", False),
        ([AC_OFF, AC, USB_C], "Discharging", True),
        ([AC, USB_C], "Discharging", True),
        ([USB_C_ON], "Discharging", True),
        ([AC_OFF, USB_C_ON], "Not charging", True),
        ([AC_OFF, USB_C_ON], "Full", True),
        ([AC_OFF], "Full", False),
        ([AC_OFF], "Unknown", False),
        ([{"type": "Mains", "online": "?"}, USB_C_ON], "Discharging", True),
        ([{**AC_OFF, "scope": "Device"}, USB_C_ON], "Discharging", True),
    ],
)
def test_a_line_that_is_online_is_a_plug(
    lines: list[dict[str, str]], status: str, plugged_in: bool
) -> None:
    assert parse_battery([{**INNER, "status": status}, *lines]) == battery(50, plugged_in)


@pytest.mark.parametrize("status", ["Charging", "Discharging"])
def test_status_of_an_empty_bay_and_of_a_mouse_is_no_evidence(status: str) -> None:
    others = [{**MOUSE, "status": status}, {**OUTER, "present": "0", "status": status}]

    assert parse_battery([{**INNER, "status": "Full"}, AC_OFF, USB_C_ON, *others]) == battery(
        50, plugged_in=True
    )
    assert parse_battery([{**INNER, "status": "Full"}, AC_OFF, *others]) == battery(
        50, plugged_in=False
    )


def test_one_charging_battery_of_two_means_plugged_in() -> None:
    supplies = [{**INNER, "status": "Charging"}, OUTER, AC_OFF]

    assert parse_battery(supplies) == battery(80, plugged_in=True)


def test_battery_that_was_just_unplugged_may_still_report_charging() -> None:
    supplies = parse_supplies([{**INNER, "status": "Charging"}, AC_OFF])

    assert supplies.reading(just_unplugged=True) == battery(50, plugged_in=False)


@pytest.mark.parametrize("capacity", ["255", "65535", "-2147483648", "-100"])
def test_energy_replaces_a_capacity_that_is_no_percentage(capacity: str) -> None:
    assert parse_battery([{**INNER, "capacity": capacity}]) == battery(50, plugged_in=False)
    nothing_else = without({**INNER, "capacity": capacity}, "energy_now")
    assert parse_battery([nothing_else]) is None


def test_energy_far_above_its_maximum_is_unknown() -> None:
    bare = without(INNER, "capacity")

    assert parse_battery([{**bare, "energy_now": "24000000"}]) == battery(100, plugged_in=False)
    assert parse_battery([{**bare, "energy_now": "4294967295"}]) is None


@pytest.mark.parametrize(("capacity", "charge"), [("101", 100), ("-1", 0), ("0", 0)])
def test_a_charge_stays_within_its_range(capacity: str, charge: int) -> None:
    assert parse_battery([{**INNER, "capacity": capacity}]) == battery(charge, plugged_in=False)


values = st.sampled_from(["Battery", "Mains", "System", "Device", "0", "1", "-5", "60000000", ""])
supplies = st.dictionaries(st.sampled_from(ATTRIBUTES), values | st.text())


@given(st.lists(supplies, max_size=4))
def test_no_files_are_too_odd(files: list[dict[str, str]]) -> None:
    reading = parse_battery(files)

    assert reading is None or 0 <= reading.charge <= 100


def test_files_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "class" / "power_supply" / "BAT0"
    folder.mkdir(parents=True)
    for name, text in INNER.items():
        (folder / name).write_text(f"{text}\n")
    (folder / "capacity").unlink()
    (folder / "capacity").mkdir()

    assert read_supplies(tmp_path).reading() == battery(50, plugged_in=False)
    assert read_supplies(tmp_path / "nothing").reading() is None
