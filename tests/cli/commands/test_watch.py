import json
import time

import pytest

from deskwire.cli.commands.watch import FIELDS, JsonLines, TextLines, parse_fields
from deskwire.model.readings import (
    Battery,
    Cpu,
    Player,
    PlayerId,
    Position,
    Snapshot,
    Uptime,
    Volume,
)
from deskwire.model.units import Percent, Seconds

NOW = Seconds(100)
AT = time.strptime("06:45:50", "%H:%M:%S")
PLAYER = Player(
    id=PlayerId("player1"),
    name="mpv",
    playing=True,
    artist="Hoobastank",
    title="The Reason",
    position=Position(Seconds(115), NOW, 1.0),
    duration=Seconds(232),
)


def volume(level: float) -> Snapshot:
    return Snapshot(volume=Volume(Percent(level)), players=(PLAYER,))


def test_first_line_has_all_fields_and_later_lines_the_changed_ones() -> None:
    lines = TextLines(("cpu", "volume", "players", "battery"))
    first = Snapshot(cpu=Cpu(Percent(18.8)), volume=Volume(Percent(88)), players=(PLAYER,))
    second = Snapshot(cpu=Cpu(Percent(18.8)), volume=Volume(Percent(90)), players=(PLAYER,))

    assert lines.line(first, NOW, AT) == (
        "06:45:50  cpu 18.8 % busy · volume 88 % · "
        "players player1 mpv, playing: Hoobastank - The Reason"
    )
    assert lines.line(second, NOW, AT) == "06:45:50  volume 90 %"
    assert lines.line(second, NOW, AT) == ""


def test_growing_uptime_makes_no_line_beside_other_fields() -> None:
    def up(seconds: float, level: float) -> Snapshot:
        return Snapshot(uptime=Uptime(Seconds(seconds)), volume=Volume(Percent(level)))

    lines, alone = TextLines(("uptime", "volume")), TextLines(("uptime",))
    history = [up(1, 50), up(2, 50), up(3, 60), up(4, 60)]

    assert [lines.line(each, NOW, AT) for each in history] == [
        "06:45:50  uptime 1 s · volume 50 %",
        "",
        "06:45:50  uptime 3 s · volume 60 %",
        "",
    ]
    assert alone.line(up(1, 50), NOW, AT)
    assert alone.line(up(2, 50), NOW, AT) == "06:45:50  uptime 2 s"


def test_position_of_a_playing_player_is_no_change() -> None:
    lines = TextLines(("players",))
    lines.line(volume(88), NOW, AT)

    assert lines.line(volume(88), Seconds(NOW + 5), AT) == ""


def test_removed_hardware_is_printed_once() -> None:
    lines = TextLines(("battery",))
    with_battery = Snapshot(battery=Battery(Percent(70), plugged_in=True))

    printed = [
        lines.line(each, NOW, AT) for each in (Snapshot(), with_battery, Snapshot(), Snapshot())
    ]

    assert printed == ["", "06:45:50  battery 70 %, plugged in", "06:45:50  battery none", ""]


def test_json_line_is_the_object_of_stats() -> None:
    line = JsonLines(FIELDS).line(volume(88), NOW, AT)

    assert "\n" not in line
    assert json.loads(line) == {
        "audio": [
            {
                "id": "player1",
                "name": "mpv",
                "playing": True,
                "artist": "Hoobastank",
                "title": "The Reason",
                "timestamp": 115,
                "duration": 232,
            }
        ],
        "volume": 88,
    }


def test_json_line_has_the_selected_fields_and_appears_on_change() -> None:
    lines = JsonLines(("volume",))

    printed = [lines.line(volume(level), NOW, AT) for level in (88, 88, 90)]

    assert printed == ['{"volume":88}', "", '{"volume":90}']


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, FIELDS),
        ("volume", ("volume",)),
        ("players, volume", ("players", "volume")),
        ("audio,memory_bytes,cpu_absolute", ("players", "memory", "cpu")),
        ("volume,volume", ("volume",)),
    ],
)
def test_fields_accept_snapshot_and_wire_names(text: str | None, names: tuple[str, ...]) -> None:
    assert parse_fields(text) == names


@pytest.mark.parametrize("text", ["", ",", "volum", "volume,x"])
def test_unknown_field_error_lists_the_known_ones(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_fields(text)

    assert caught.value.code == 2
    assert "memory, cpu, network" in capsys.readouterr().err
