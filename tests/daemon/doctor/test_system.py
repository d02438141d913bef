import asyncio
import os
import platform
from pathlib import Path

import pytest

from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import DATABASE, StateDirectory
from deskwire.auth.users import Users
from deskwire.daemon import paths
from deskwire.daemon.config.settings import Server, Settings
from deskwire.daemon.doctor import system
from deskwire.daemon.doctor.health import CheckFailed, Condition
from deskwire.model.access import ALL_SCOPES
from tests.support.buses import PrivateBus

OTHER_USER = 12345


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
        system.state_directory(folder)
    return raised.value


def test_python_is_reported_with_its_path() -> None:
    assert system.python().startswith(f"{platform.python_version()} at /")


def test_reachable_bus_is_reported_with_its_address(
    session_bus: PrivateBus, system_bus: PrivateBus
) -> None:
    environ = system_bus.env(session_bus.env({}))

    assert system.session_bus(environ) == session_bus.address
    assert system.system_bus(environ) == system_bus.address


def test_stopped_bus_is_unavailable(session_bus: PrivateBus) -> None:
    session_bus.kill()
    with pytest.raises(CheckFailed, match="the session bus cannot be reached") as raised:
        system.session_bus(session_bus.env({}))

    assert raised.value.condition is Condition.UNAVAILABLE


def test_missing_system_bus_that_is_configured_is_unavailable() -> None:
    with pytest.raises(CheckFailed, match="the system bus cannot be reached") as raised:
        system.system_bus({"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere"})

    assert raised.value.condition is Condition.UNAVAILABLE


def test_bus_without_variable_and_socket_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "SYSTEM_BUS_SOCKETS", (tmp_path / "bus",))
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    with pytest.raises(CheckFailed) as no_session:
        system.session_bus(environ)
    with pytest.raises(CheckFailed) as no_system:
        system.system_bus(environ)

    assert no_session.value.condition is Condition.ABSENT
    assert "systemd user service" in no_session.value.remedy
    assert no_system.value.condition is Condition.ABSENT


def test_private_state_directory_is_ok(folder: Path) -> None:
    assert system.state_directory(folder) == str(folder)


def test_state_directory_before_the_first_start_is_absent(tmp_path: Path) -> None:
    found = refused(tmp_path / "none")

    assert found.condition is Condition.ABSENT
    assert found.why == f"{tmp_path}/none does not exist; the first start creates it"
    assert not (tmp_path / "none").exists()


def test_state_directory_open_to_others_is_unsafe_and_unchanged(folder: Path) -> None:
    folder.chmod(0o755)
    found = refused(folder)

    assert found.condition is Condition.UNSAFE
    assert found.why == f"{folder} is open to other users (mode 0755)"
    assert found.remedy == f"chmod 700 {folder}"
    assert folder.stat().st_mode & 0o777 == 0o755


def test_state_directory_of_another_user_is_unavailable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: OTHER_USER)
    found = refused(folder)

    assert found.condition is Condition.UNAVAILABLE
    assert found.why.endswith(f"but deskwire runs as uid {OTHER_USER}")


def test_state_directory_that_cannot_be_written_is_unavailable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # permissions do not apply to root

    assert refused(folder).why == f"{folder} cannot be read and written (mode 0700)"


def test_file_as_state_directory_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert refused(tmp_path / "file").why == f"{tmp_path}/file is not a directory"
    assert refused(tmp_path / "file/state").why == f"{tmp_path}/file/state: Not a directory"


def test_users_are_counted(folder: Path) -> None:
    asyncio.run(add_user(folder, "ann"))
    asyncio.run(add_user(folder, "bob"))

    assert system.users(folder, usable=True) == "2"


def test_desk_without_a_user_is_absent_and_unchanged(folder: Path) -> None:
    with pytest.raises(CheckFailed, match="the first start creates one") as raised:
        system.users(folder, usable=True)

    assert raised.value.condition is Condition.ABSENT
    assert list(folder.iterdir()) == []


def test_unreadable_users_are_unavailable(folder: Path) -> None:
    (folder / DATABASE).write_text("this is no database" * 100)
    with pytest.raises(CheckFailed, match=DATABASE) as raised:
        system.users(folder, usable=True)

    assert raised.value.condition is Condition.UNAVAILABLE


def test_users_are_not_checked_if_the_state_directory_fails(folder: Path) -> None:
    with pytest.raises(CheckFailed, match="because the state check failed"):
        system.users(folder, usable=False)


def test_checks_run_from_python_to_the_port(tmp_path: Path, session_bus: PrivateBus) -> None:
    settings = Settings(
        server=Server(host="127.0.0.1", port=0, tls=False, state_dir=tmp_path / "state")
    )
    results = system.check_system(settings, session_bus.env({}))

    assert [(each.name, each.condition.value) for each in results if "bus" not in each.name] == [
        ("python", "ok"),
        ("clock", "ok"),
        ("state", "absent"),
        ("users", "absent"),
        ("certificate", "disabled"),
        ("port", "ok"),
    ]
    assert [each.name for each in results if "bus" in each.name] == ["session_bus", "system_bus"]
