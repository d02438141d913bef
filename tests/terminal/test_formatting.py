import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.daemon.doctor.health import Condition
from deskwire.daemon.probe import ProbeResult
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
from deskwire.model.units import Bytes, Percent, Seconds
from deskwire.terminal.console import align_columns
from deskwire.terminal.formatting import (
    clean,
    format_duration,
    format_position,
    format_reading,
    format_size,
    snapshot_rows,
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
    ("reading", "words"),
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
def test_a_reading_is_told_with_its_unit(reading: object, words: str) -> None:
    assert format_reading(reading, NOW) == [words]


def test_each_player_has_a_line_with_where_it_is_now() -> None:
    assert format_reading((CHROME, RADIO), NOW) == [
        "player1 Chrome: plays Hoobastank - The Reason (Fallen), 1:55 of 3:52",
        "player2 Radio: pauses News",
    ]


def test_a_title_cannot_command_the_terminal() -> None:
    evil = Player(id=PlayerId("player1"), name="x", playing=True, title="\x1b[2Ja\nb\u202ec")

    assert format_reading((evil,), NOW) == ["player1 x: plays \ufffd[2Ja\ufffdb\ufffdc"]


@given(st.text())
def test_clean_text_prints(text: str) -> None:
    assert clean(text).isprintable()
    assert len(clean(text)) == len(text)


@pytest.mark.parametrize(
    ("many", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (150 * 1024, "150 KiB"),
        (5 * 1024**4, "5.0 TiB"),
        (2**64, "16384.0 PiB"),
    ],
)
def test_a_size_is_told_in_the_largest_unit(many: int, words: str) -> None:
    assert format_size(Bytes(many)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (3_599, "59 min 59 s"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_parts(seconds: int, words: str) -> None:
    assert format_duration(Seconds(seconds)) == words


def test_a_clock_has_hours_only_where_there_are_any() -> None:
    assert [format_position(Seconds(seconds)) for seconds in (5, 115, 3723)] == [
        "0:05",
        "1:55",
        "1:02:03",
    ]


def test_columns_are_aligned_and_nothing_trails() -> None:
    assert align_columns([("a", "bb", "c"), ("aaa", "b", "")]) == ["a    bb  c", "aaa  b"]


def test_a_row_says_what_is_read_or_why_not() -> None:
    looks = [
        ProbeResult(name="players", condition=Condition.OK, reading=(CHROME, RADIO)),
        ProbeResult(name="wifi", condition=Condition.DISABLED, why="devices.disabled names it"),
        ProbeResult(name="battery", condition=Condition.ABSENT, why="no system battery"),
        ProbeResult(name="volume", condition=Condition.UNAVAILABLE, why="there is no sound server"),
    ]

    assert snapshot_rows(looks, NOW) == [
        ("players", "player1 Chrome: plays Hoobastank - The Reason (Fallen), 1:55 of 3:52"),
        ("", "player2 Radio: pauses News"),
        ("battery", "none: no system battery"),
        ("volume", "not to be had: there is no sound server"),
    ]
