import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deskwire.cli.commands.doctor import doctor
from deskwire.model.readings import Snapshot
from tests.support.buses import PrivateBus

pytestmark = pytest.mark.usefixtures("_captured_laptop")


def typed(*words: str) -> Result:
    return CliRunner().invoke(doctor, words, catch_exceptions=False)


def parts(report: Any) -> dict[str, Any]:
    return {part["name"]: part for part in (*report["desk"], *report["devices"])}


def test_a_desk_that_lacks_its_bus_is_told_so_with_exit_code_1() -> None:
    done = typed("--json")
    report = json.loads(done.stdout)

    assert done.exit_code == 1
    assert report["fine"] is False
    assert parts(report)["session_bus"]["condition"] == "unavailable"
    assert parts(report)["players"]["condition"] == "unavailable"
    assert parts(report)["memory"]["found"] == "10.6 GiB in use"
    assert report["snapshot"]["memory_bytes"] == 11_419_623_424


def test_every_device_and_every_part_of_the_desk_is_there() -> None:
    report = json.loads(typed("--json").stdout)

    assert [device["name"] for device in report["devices"]] == list(Snapshot.__struct_fields__)
    assert [part["name"] for part in report["desk"]] == [
        "python",
        "clock",
        "session_bus",
        "system_bus",
        "state",
        "users",
        "certificate",
        "port",
    ]


def test_a_desk_that_has_all_or_merely_lacks_hardware_ends_with_0(
    session_bus: PrivateBus, system_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", session_bus.address)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", system_bus.address)
    monkeypatch.setenv("DESKWIRE_DEVICES_DISABLED", "volume,wifi")
    done = typed("--json")
    report = json.loads(done.stdout)

    assert done.exit_code == 0
    assert report["fine"] is True
    assert parts(report)["session_bus"]["found"] == session_bus.address
    assert parts(report)["players"]["condition"] == "absent"
    assert parts(report)["volume"]["condition"] == "disabled"


def test_the_state_directory_that_was_named_is_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir(mode=0o755)
    report = json.loads(typed("--json", "--state-dir", str(folder)).stdout)

    assert parts(report)["state"]["condition"] == "unsafe"
    assert parts(report)["state"]["remedy"] == f"chmod 700 {folder}"


def test_a_person_reads_what_to_look_at() -> None:
    done = typed()

    assert done.exit_code == 1
    assert "memory       ok           10.6 GiB in use" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("look at: ")
    assert "\x1b" not in done.stdout


def test_a_wrong_setting_ends_it_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKWIRE_SERVER_PROT", "1")
    done = typed()

    assert done.exit_code == 2
    assert done.stderr == (
        'deskwire: DESKWIRE_SERVER_PROT: no such setting; did you mean "DESKWIRE_SERVER_PORT"?\n'
    )
