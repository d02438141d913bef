import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from deskwire import __version__
from deskwire.cli.commands.doctor import Report, build_report, doctor, format_report
from deskwire.daemon.doctor.health import CheckResult, Condition
from deskwire.daemon.probe import ProbeResult
from deskwire.devices.catalogue import DEVICES
from deskwire.model.readings import Memory
from deskwire.model.units import Bytes, Seconds
from deskwire.terminal.console import Console
from tests.support.buses import PrivateBus

pytestmark = pytest.mark.usefixtures("_captured_laptop")

NOW = Seconds(0.0)
PYTHON = CheckResult(name="python", condition=Condition.OK, found="3.11 at /bin/python")
MEMORY = ProbeResult(
    name="memory", condition=Condition.OK, reading=Memory(used=Bytes(2048)), via="/proc/meminfo"
)
NO_SOUND = ProbeResult(
    name="volume", condition=Condition.UNAVAILABLE, why="no sound server", remedy="install one"
)
OPEN = CheckResult(
    name="certificate",
    condition=Condition.UNSAFE,
    found="/tls/certificate.pem",
    why="others may read the key",
    remedy="chmod 600 it",
)


def printed(report: Report) -> list[str]:
    return list(format_report(report, Console(io.StringIO(), {})))


def typed(*words: str) -> Result:
    return CliRunner().invoke(doctor, words, catch_exceptions=False)


def parts(report: Any) -> dict[str, Any]:
    return {part["name"]: part for part in (*report["desk"], *report["devices"])}


def test_missing_session_bus_is_unavailable_and_exits_1() -> None:
    done = typed("--json")
    report = json.loads(done.stdout)

    assert done.exit_code == 1
    assert report["fine"] is False
    assert parts(report)["session_bus"]["condition"] == "unavailable"
    assert parts(report)["players"]["condition"] == "unavailable"
    assert parts(report)["memory"]["found"] == "10.6 GiB in use"
    assert report["snapshot"]["memory_bytes"] == 11_419_623_424


def test_json_has_every_device_and_part_of_the_desk() -> None:
    report = json.loads(typed("--json").stdout)

    assert [device["name"] for device in report["devices"]] == list(DEVICES)
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


def test_absent_hardware_alone_exits_0(
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


def test_state_dir_option_selects_the_checked_directory(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir(mode=0o755)
    report = json.loads(typed("--json", "--state-dir", str(folder)).stdout)

    assert parts(report)["state"]["condition"] == "unsafe"
    assert parts(report)["state"]["remedy"] == f"chmod 700 {folder}"


def test_last_line_names_the_problems() -> None:
    done = typed()

    assert done.exit_code == 1
    assert "memory       ok           10.6 GiB in use" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("problems: ")
    assert "\x1b" not in done.stdout


def test_wrong_setting_is_one_line_and_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKWIRE_SERVER_PROT", "1")
    done = typed()

    assert done.exit_code == 2
    assert done.stderr == (
        'deskwire: DESKWIRE_SERVER_PROT: no such setting; did you mean "DESKWIRE_SERVER_PORT"?\n'
    )


def test_json_always_has_every_key() -> None:
    assert msgspec.json.decode(
        msgspec.json.encode(build_report([PYTHON], [MEMORY, NO_SOUND], NOW))
    ) == {
        "version": __version__,
        "fine": False,
        "desk": [
            {
                "name": "python",
                "condition": "ok",
                "found": "3.11 at /bin/python",
                "why": "",
                "remedy": "",
            }
        ],
        "devices": [
            {
                "name": "memory",
                "condition": "ok",
                "found": "2.0 KiB in use",
                "via": "/proc/meminfo",
                "why": "",
                "remedy": "",
            },
            {
                "name": "volume",
                "condition": "unavailable",
                "found": "",
                "via": "",
                "why": "no sound server",
                "remedy": "install one",
            },
        ],
        "snapshot": {"memory_bytes": 2048, "audio": []},
    }


@pytest.mark.parametrize(
    ("condition", "fine"),
    [
        (Condition.OK, True),
        (Condition.ABSENT, True),
        (Condition.DISABLED, True),
        (Condition.UNAVAILABLE, False),
        (Condition.UNSAFE, False),
    ],
)
def test_report_is_fine_unless_a_part_is_unavailable_or_unsafe(
    condition: Condition, fine: bool
) -> None:
    assert (
        build_report([CheckResult(name="state", condition=condition)], [MEMORY], NOW).fine is fine
    )
    assert build_report([PYTHON], [ProbeResult(name="wifi", condition=condition)], NOW).fine is fine


def test_report_shows_reasons_and_remedies() -> None:
    assert printed(build_report([PYTHON, OPEN], [MEMORY, NO_SOUND], NOW)) == [
        "python       ok           3.11 at /bin/python",
        "certificate  unsafe       /tls/certificate.pem",
        "             others may read the key",
        "             -> chmod 600 it",
        "memory       ok           2.0 KiB in use",
        "             via /proc/meminfo",
        "volume       unavailable  no sound server",
        "             -> install one",
        "",
        "problems: certificate, volume",
    ]


def test_report_without_problems_ends_with_a_line_saying_so() -> None:
    assert printed(build_report([PYTHON], [MEMORY], NOW))[-1] == "no problems found"


def test_control_characters_in_a_report_are_replaced() -> None:
    evil = ProbeResult(
        name="players", condition=Condition.UNAVAILABLE, why="\x1b[2J", remedy="\x07"
    )

    assert "\x1b" not in "".join(printed(build_report([], [evil], NOW)))
    assert "\x07" not in "".join(printed(build_report([], [evil], NOW)))
