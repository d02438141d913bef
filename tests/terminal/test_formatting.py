from typing import Any

import pytest
from msgspec import Struct

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
from deskwire.model.units import Bytes, Celsius, Percent, Seconds
from deskwire.terminal.formatting import (
    format_duration,
    format_position,
    format_reading,
    format_size,
)

NOW = Seconds(100.0)
CHROME = Player(
    id=PlayerId("player1"),
    name="Chrome",
    playing=True,
    title="The Reason",
    artist="Hoobastank",
    album="Fallen",
    position=Position(at=Seconds(105.0), read=Seconds(90.0), rate=1.0),
    duration=Seconds(232.0),
)
RADIO = Player(id=PlayerId("player2"), name="Radio", playing=False, title="News")


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (Memory(used=Bytes(11_419_623_424)), "10.6 GiB in use"),
        (Cpu(busy=Percent(18.83)), "18.8 % busy"),
        (
            Network(received=Bytes(3_682_862_139), sent=Bytes(102_412_526)),
            "3.4 GiB received, 97.7 MiB sent",
        ),
        (Uptime(up=Seconds(11_179)), "3 h 6 min"),
        (Disk(used=Bytes(200_050_167_808)), "186 GiB in use"),
        (Wifi(ssid="Bazinga! 5G", connected=True), "Bazinga! 5G"),
        (Wifi(ssid="", connected=False), "not connected"),
        (Battery(charge=Percent(100.0), plugged_in=True), "100 %, plugged in"),
        (Battery(charge=Percent(7.0), plugged_in=False), "7 %, on battery"),
        (Volume(level=Percent(153.0)), "153 %"),
        (Backlight(level=Percent(64.0)), "64 %"),
    ],
)
def test_reading_has_its_unit(reading: object, text: str) -> None:
    assert format_reading(reading, NOW) == [text]


class Fan(Struct, frozen=True):
    """A reading without a text of its own."""

    label: str
    level: Percent
    temperature: Celsius
    memory: Bytes
    running: Seconds
    turns_per_minute: int
    automatic: bool
    position: Position | None = None
    zones: tuple[str, ...] = ()


def test_reading_without_a_text_of_its_own_lists_its_fields() -> None:
    fan = Fan(
        "cpu\x1b", Percent(12.34), Celsius(48.0), Bytes(2048), Seconds(61.0), 900, automatic=True
    )

    text = (
        "label cpu\ufffd, level 12.3 %, temperature 48 \N{DEGREE SIGN}C, memory 2.0 KiB, "
        "running 1 min 1 s, turns per minute 900, automatic yes, zones none"
    )
    assert format_reading(fan, NOW) == [text]
    assert format_reading((fan, fan), NOW) == [text, text]


def test_nested_values_of_a_reading_are_listed_too() -> None:
    fan = Fan(
        *("x", Percent(1.0), Celsius(1.0), Bytes(1), Seconds(1.0), 1),
        automatic=False,
        position=Position(Seconds(2.0), Seconds(3.0), 1.0),
        zones=("a", "b"),
    )

    assert format_reading(fan, NOW)[0].endswith(
        "automatic no, position (at 2 s, read 3 s, rate 1), zones a; b"
    )


def test_each_player_has_a_line_with_its_position() -> None:
    assert format_reading((CHROME, RADIO), NOW) == [
        "player1 Chrome, playing: Hoobastank - The Reason (Fallen), 1:55 of 3:52",
        "player2 Radio, paused: News",
    ]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "player1 x, playing"),
        ({"duration": Seconds(30.0), "position": Position(Seconds(4.0), NOW, 0.0)},
         "player1 x, playing, 0:04 of 0:30"),
        ({"artist": "A"}, "player1 x, playing: A"),
        ({"album": "B"}, "player1 x, playing:  (B)"),
    ],
)  # fmt: skip
def test_track_without_a_title_leaves_no_lone_comma(fields: dict[str, Any], line: str) -> None:
    untitled = Player(id=PlayerId("player1"), name="x", playing=True, title="", **fields)

    assert format_reading((untitled,), NOW) == [line.replace(":  (", ": (")]


def test_control_characters_of_a_title_are_replaced() -> None:
    evil = Player(id=PlayerId("player1"), name="x", playing=True, title="\x1b[2Ja\nb\u202ec")

    assert format_reading((evil,), NOW) == ["player1 x, playing: \ufffd[2Ja\ufffdb\ufffdc"]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (150 * 1024, "150 KiB"),
        (5 * 1024**4, "5.0 TiB"),
        (2**64, "16384.0 PiB"),
    ],
)
def test_size_is_in_the_largest_unit(size: int, text: str) -> None:
    assert format_size(Bytes(size)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (3_599, "59 min 59 s"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
    ],
)
def test_duration_has_its_two_largest_units(seconds: int, text: str) -> None:
    assert format_duration(Seconds(seconds)) == text


def test_position_has_hours_only_from_one_hour_on() -> None:
    assert [format_position(Seconds(seconds)) for seconds in (5, 115, 3723)] == [
        "0:05",
        "1:55",
        "1:02:03",
    ]
