import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from deskwire.cli.commands.snapshot import snapshot
from tests.support.buses import PrivateBus
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.pulse import Pulse

pytestmark = pytest.mark.usefixtures("_captured_laptop")


def typed(*words: str) -> str:
    done = CliRunner().invoke(snapshot, words, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_a_captured_laptop_is_printed_as_the_object_of_stats() -> None:
    printed = typed("--json")
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


def test_what_plays_and_how_loud_is_read_from_the_session(
    session_bus: PrivateBus, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Mpv(session_bus, [media.first.file], paused=True), Pulse() as pulse:
        pulse.pactl("set-sink-volume", "speakers", "88%")
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", session_bus.address)
        monkeypatch.setenv("PULSE_SERVER", pulse.address)
        found = json.loads(typed("--json"))
        lines = typed().splitlines()

    (player,) = found["audio"]
    assert (player["id"], player["name"], player["playing"]) == ("player1", "mpv", False)
    assert (player["artist"], player["title"]) == ("Hoobastank", "The Reason")
    assert player["duration"] == 232
    assert found["volume"] == 88
    assert "volume     88 %" in lines
    assert "players    player1 mpv: pauses Hoobastank - The Reason (Fallen), 0:00 of 3:52" in lines


def test_a_person_reads_a_line_a_device() -> None:
    lines = typed().splitlines()

    assert "memory     10.6 GiB in use" in lines
    assert "network    3.4 GiB received, 97.7 MiB sent" in lines
    assert "uptime     3 h 6 min" in lines
    assert "battery    100 %, plugged in" in lines
    assert "backlight  64 %" in lines
    assert any(line.startswith("players    not to be had: the session bus") for line in lines)


def test_a_disabled_device_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKWIRE_DEVICES_DISABLED", "memory,wifi,players")

    assert "memory_bytes" not in json.loads(typed("--json"))
    assert "memory" not in typed()


def test_a_wrong_setting_ends_it_with_one_line(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[stats]\ninterval = 'often'\n")
    done = CliRunner().invoke(snapshot, ["--config", str(file)], catch_exceptions=False)

    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"deskwire: {file}:2: stats.interval: expected a number of seconds from 0.05 to 3600, "
        'found "often"\n'
    )
