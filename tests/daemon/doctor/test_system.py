import asyncio
import os
import platform
from pathlib import Path

import pytest

from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import DATABASE, StateDirectory
from deskwire.auth.users import Users
from deskwire.daemon import paths as places
from deskwire.daemon.config.settings import Server, Settings
from deskwire.daemon.doctor import system as checkup
from deskwire.daemon.doctor.health import CheckFailed, Condition
from deskwire.model.access import ALL_SCOPES
from tests.support.buses import PrivateBus

SOMEBODY_ELSE = 12345


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    return path


async def add_user(folder: Path, name: str) -> None:
    state = await asyncio.to_thread(StateDirectory.open, folder)
    await Users(state, Passwords()).add(name, "correct horse battery", ALL_SCOPES)
    state.close()


def refused(folder: Path) -> CheckFailed:
    with pytest.raises(CheckFailed) as raised:
        checkup.state_directory(folder)
    return raised.value


def test_python_is_named_with_its_place() -> None:
    assert checkup.python().startswith(f"{platform.python_version()} at /")


def test_a_bus_that_answers_is_named_by_its_address(
    session_bus: PrivateBus, system_bus: PrivateBus
) -> None:
    environ = system_bus.env(session_bus.env({}))

    assert checkup.session_bus(environ) == session_bus.address
    assert checkup.system_bus(environ) == system_bus.address


def test_a_bus_that_went_away_is_unavailable(session_bus: PrivateBus) -> None:
    session_bus.kill()
    with pytest.raises(CheckFailed, match="the session bus cannot be reached") as raised:
        checkup.session_bus(session_bus.env({}))

    assert raised.value.condition is Condition.UNAVAILABLE


def test_a_system_bus_that_was_named_and_is_not_there_is_unavailable() -> None:
    with pytest.raises(CheckFailed, match="the system bus cannot be reached") as raised:
        checkup.system_bus({"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere"})

    assert raised.value.condition is Condition.UNAVAILABLE


def test_where_nothing_speaks_of_a_bus_it_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "SYSTEM_BUS_SOCKETS", (tmp_path / "bus",))
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    with pytest.raises(CheckFailed) as session:
        checkup.session_bus(environ)
    with pytest.raises(CheckFailed) as system:
        checkup.system_bus(environ)

    assert session.value.condition is Condition.ABSENT
    assert "systemd user service" in session.value.remedy
    assert system.value.condition is Condition.ABSENT


def test_a_state_directory_of_ones_own_is_ok(folder: Path) -> None:
    assert checkup.state_directory(folder) == str(folder)


def test_a_state_directory_before_the_first_start_is_absent(tmp_path: Path) -> None:
    found = refused(tmp_path / "none")

    assert found.condition is Condition.ABSENT
    assert found.why == f"{tmp_path}/none is not there; the first start makes it"
    assert not (tmp_path / "none").exists()


def test_a_state_directory_open_to_others_is_unsafe_and_left_as_it_is(folder: Path) -> None:
    folder.chmod(0o755)
    found = refused(folder)

    assert found.condition is Condition.UNSAFE
    assert found.why == f"{folder} is open to others (0755)"
    assert found.remedy == f"chmod 700 {folder}"
    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_state_directory_of_somebody_else_is_unavailable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY_ELSE)
    found = refused(folder)

    assert found.condition is Condition.UNAVAILABLE
    assert found.why.endswith(f"and this is uid {SOMEBODY_ELSE}")


def test_a_state_directory_that_cannot_be_written_is_unavailable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may do anything, so it is told

    assert refused(folder).why == f"{folder} cannot be read and written (0700)"


def test_a_file_is_no_state_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert refused(tmp_path / "file").why == f"{tmp_path}/file is not a folder"
    assert refused(tmp_path / "file/state").why == f"{tmp_path}/file/state: Not a directory"


def test_users_are_counted(folder: Path) -> None:
    asyncio.run(add_user(folder, "ann"))
    asyncio.run(add_user(folder, "bob"))

    assert checkup.users(folder, usable=True) == "2"


def test_nobody_yet_is_absent_and_nothing_is_made(folder: Path) -> None:
    with pytest.raises(CheckFailed, match="the first start makes one") as raised:
        checkup.users(folder, usable=True)

    assert raised.value.condition is Condition.ABSENT
    assert list(folder.iterdir()) == []


def test_users_that_cannot_be_read_are_unavailable(folder: Path) -> None:
    (folder / DATABASE).write_text("this is no database" * 100)
    with pytest.raises(CheckFailed, match=DATABASE) as raised:
        checkup.users(folder, usable=True)

    assert raised.value.condition is Condition.UNAVAILABLE


def test_users_in_a_folder_that_is_not_right_are_not_looked_at(folder: Path) -> None:
    with pytest.raises(CheckFailed, match="because of the state directory"):
        checkup.users(folder, usable=False)


def test_a_checkup_goes_from_the_ground_up(tmp_path: Path, session_bus: PrivateBus) -> None:
    settings = Settings(
        server=Server(host="127.0.0.1", port=0, tls=False, state_dir=tmp_path / "state")
    )
    findings = checkup.check_up(settings, session_bus.env({}))

    assert [(each.name, each.condition.value) for each in findings if "bus" not in each.name] == [
        ("python", "ok"),
        ("clock", "ok"),
        ("state", "absent"),
        ("users", "absent"),
        ("certificate", "disabled"),
        ("port", "ok"),
    ]
    assert [each.name for each in findings if "bus" in each.name] == ["session_bus", "system_bus"]
