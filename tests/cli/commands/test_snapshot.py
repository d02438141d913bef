import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from deskwire.cli.commands.snapshot import snapshot, snapshot_rows
from deskwire.daemon.doctor.health import Condition
from deskwire.daemon.probe import ProbeResult
from deskwire.devices.catalogue import DEVICES
from deskwire.model.readings import Player, PlayerId
from deskwire.model.units import Seconds
from tests.support.buses import PrivateBus
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.sound_servers import Pulse

pytestmark = pytest.mark.usefixtures("_captured_laptop")


def run_snapshot(*words: str) -> str:
    done = CliRunner().invoke(snapshot, words, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_json_of_a_captured_laptop_is_the_object_of_stats() -> None:
    printed = run_snapshot("--json")
    found = json.loads(printed)

    assert printed.count("\n") == 1
    assert found.pop("disk_bytes") > 0
    found.pop("wifi", None)  # the kernel is asked about adapters, and it is this machine's
    assert found == {
        "memory_bytes": 11_419_623_424,
        "cpu_absolute": 0.0,
        "network": {"rx_bytes": 3_682_862_139, "tx_bytes": 102_412_526},
        "uptime": 11_179,
        "audio": [],
        "battery": {"percentage": 100, "plugged_in": True},
        "backlight": 64,
    }


def test_player_and_volume_come_from_the_session(
    session_bus: PrivateBus, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Mpv(session_bus, [media.first.file], paused=True), Pulse() as pulse:
        pulse.pactl("set-sink-volume", "speakers", "88%")
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", session_bus.address)
        monkeypatch.setenv("PULSE_SERVER", pulse.address)
        found = json.loads(run_snapshot("--json"))
        lines = run_snapshot().splitlines()

    (player,) = found["audio"]
    assert (player["id"], player["name"], player["playing"]) == ("player1", "mpv", False)
    assert (player["artist"], player["title"]) == ("Hoobastank", "The Reason")
    assert player["duration"] == 232
    assert found["volume"] == 88
    width = max(map(len, DEVICES))
    assert f"{'volume':{width}}  88 %" in lines
    track = "Hoobastank - The Reason (Fallen), 0:00 of 3:52"
    assert f"{'players':{width}}  player1 mpv, paused: {track}" in lines


def test_text_has_a_line_for_each_device() -> None:
    lines = run_snapshot().splitlines()
    width = max(map(len, DEVICES))

    assert f"{'memory':{width}}  10.6 GiB in use" in lines
    assert f"{'network':{width}}  3.4 GiB received, 97.7 MiB sent" in lines
    assert f"{'uptime':{width}}  3 h 6 min" in lines
    assert f"{'battery':{width}}  100 %, plugged in" in lines
    assert f"{'backlight':{width}}  64 %" in lines
    no_players = f"{'players':{width}}  unavailable: the session bus"
    assert any(line.startswith(no_players) for line in lines)


def test_disabled_device_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKWIRE_DEVICES_DISABLED", "memory,wifi,players")

    assert "memory_bytes" not in json.loads(run_snapshot("--json"))
    assert "memory" not in run_snapshot()


def test_wrong_setting_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[stats]\ninterval = 'often'\n")
    done = CliRunner().invoke(snapshot, ["--config", str(file)], catch_exceptions=False)

    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"deskwire: {file}:2: stats.interval: expected a number of seconds from 0.05 to 3600, "
        'found "often"\n'
    )


MPV = Player(id=PlayerId("player1"), name="mpv", playing=True, title="The Reason")
RADIO = Player(id=PlayerId("player2"), name="Radio", playing=False, title="News")


def test_row_has_the_reading_or_the_reason_for_none() -> None:
    probes = [
        ProbeResult(name="players", condition=Condition.OK, reading=(MPV, RADIO)),
        ProbeResult(name="wifi", condition=Condition.DISABLED, why="devices.disabled names it"),
        ProbeResult(name="battery", condition=Condition.ABSENT, why="no system battery"),
        ProbeResult(name="volume", condition=Condition.UNAVAILABLE, why="there is no sound server"),
    ]

    assert snapshot_rows(probes, Seconds(100.0)) == [
        ("players", "player1 mpv, playing: The Reason"),
        ("", "player2 Radio, paused: News"),
        ("battery", "none: no system battery"),
        ("volume", "unavailable: there is no sound server"),
    ]
