import math
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from deskwire.devices.catalogue import DEVICES, device_class
from deskwire.model.possible import LARGEST_INTEGER, check_reading, rules_of
from deskwire.model.readings import (
    Backlight,
    Battery,
    Cpu,
    Disk,
    Memory,
    Network,
    Player,
    PlayerId,
    Position,
    Uptime,
    Volume,
    Wifi,
)
from deskwire.model.topics import struct_of
from deskwire.model.units import Bytes, Celsius, Percent, Seconds

NAN, INF = math.nan, math.inf


class Sensor(Struct, frozen=True):
    """One sensor."""

    heat: Celsius
    fan: Annotated[int, Meta(description="Turns a minute")] = 0
    limit: Celsius | None = None


class Sensors(Struct, frozen=True):
    """Nested structs."""

    first: Sensor
    others: tuple[Sensor, ...] = ()
    spare: Sensor | None = None


def player(**changes: Any) -> Player:
    given = {"id": PlayerId("player1"), "name": "mpv", "playing": True, "title": "One"}
    return Player(**{**given, **changes})


@pytest.mark.parametrize(
    "reading",
    [
        Cpu(Percent(0.0)),
        Cpu(Percent(100.0)),
        Memory(Bytes(1)),
        Disk(Bytes(0)),
        Network(Bytes(LARGEST_INTEGER), Bytes(0)),
        Uptime(Seconds(0)),
        Battery(Percent(100), plugged_in=True),
        Volume(Percent(153)),
        Backlight(Percent(0)),
        Wifi("", connected=False),
        Sensor(Celsius(-40.0), -3, Celsius(105.0)),
        (player(position=Position(Seconds(0), Seconds(5), -1.0), duration=Seconds(9.5)), player()),
        (),
        None,
    ],
    ids=repr,
)
def test_possible_reading_is_unchanged(reading: object) -> None:
    checked = check_reading(reading)

    assert checked.reading is reading
    assert checked.impossible == ()


@pytest.mark.parametrize(
    ("reading", "field"),
    [
        (Cpu(Percent(NAN)), "Cpu.busy"),
        (Cpu(Percent(100.1)), "Cpu.busy"),
        (Cpu(Percent(-0.1)), "Cpu.busy"),
        (Memory(Bytes(0)), "Memory.used"),
        (Memory(Bytes(2**63)), "Memory.used"),
        (Disk(Bytes(-102_400)), "Disk.used"),
        (Network(Bytes(-1), Bytes(5)), "Network.received"),
        (Network(Bytes(5), Bytes(10**30)), "Network.sent"),
        (Uptime(Seconds(-1)), "Uptime.up"),
        (Uptime(Seconds(INF)), "Uptime.up"),
        (Battery(Percent(104), plugged_in=True), "Battery.charge"),
        (Battery(Percent(-1), plugged_in=True), "Battery.charge"),
        (Battery("80 %", plugged_in=True), "Battery.charge"),  # type: ignore[arg-type]
        (Volume(Percent(-INF)), "Volume.level"),
        (Volume(Percent(6_553_600)), "Volume.level"),
        (Backlight(Percent(101)), "Backlight.level"),
        (Sensor(Celsius(-274)), "Sensor.heat"),
        (Sensors(Sensor(Celsius(NAN))), "Sensor.heat"),
    ],
    ids=repr,
)
def test_impossible_required_field_leaves_the_reading_out(reading: object, field: str) -> None:
    checked = check_reading(reading)

    assert checked.reading is None
    assert [problem.field for problem in checked.impossible] == [field]
    assert field in checked.impossible[0].message


def test_impossible_optional_field_alone_is_left_out() -> None:
    good = player(id=PlayerId("player2"))
    position = Position(Seconds(NAN), Seconds(5), 1.0)
    checked = check_reading((player(position=position, duration=Seconds(INF)), good))

    assert checked.reading == (player(), good)
    assert [each.field for each in checked.impossible] == ["Position.at", "Player.duration"]


def test_impossible_item_of_a_list_is_missing() -> None:
    good, bad = Sensor(Celsius(20.0)), Sensor(Celsius(INF))

    assert check_reading((bad, good)).reading == (good,)
    assert check_reading(Sensors(good, (bad, good), bad)).reading == Sensors(good, (good,))


def test_message_has_the_value_and_the_bounds() -> None:
    messages = [
        problem.message
        for reading in (Cpu(Percent(NAN)), Disk(Bytes(-5)), player_rate(INF))
        for problem in check_reading(reading).impossible
    ]

    assert messages == [
        "Cpu.busy cannot be nan, expected 0 to 100",
        "Disk.used cannot be -5, expected at least 0",
        "Position.rate cannot be inf, expected a finite number",
    ]


def player_rate(rate: float) -> Position:
    return Position(Seconds(0), Seconds(0), rate)


@pytest.mark.parametrize("name", DEVICES)
def test_each_number_of_each_device_has_bounds(name: str) -> None:
    struct = struct_of(device_class(name).topic.reading)
    numbers = {
        field.name
        for field in msgspec.inspect.type_info(struct).fields  # type: ignore[attr-defined]
        if isinstance(field.type, msgspec.inspect.IntType | msgspec.inspect.FloatType)
    }

    assert numbers <= {rule.name for rule in rules_of(struct) if rule.bounds is not None}


@given(st.floats() | st.integers())
def test_checked_reading_can_be_written_as_json(number: float) -> None:
    for reading in (Battery(Percent(number), plugged_in=True), Network(Bytes(5), Bytes(number))):  # type: ignore[arg-type]
        checked = check_reading(reading)
        if checked.reading is not None:
            assert b"null" not in msgspec.json.encode(checked.reading)
