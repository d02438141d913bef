import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.daemon import paths as places

ANN = {"HOME": "/home/ann"}


@pytest.fixture
def socket_at(tmp_path: Path) -> Iterator[Path]:
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "bus"))
        yield tmp_path / "bus"


def test_folders_are_where_every_program_keeps_them() -> None:
    assert places.config_file(ANN) == Path("/home/ann/.config/deskwire/config.toml")
    assert places.state_dir(ANN) == Path("/home/ann/.local/state/deskwire")
    assert places.cache_dir(ANN) == Path("/home/ann/.cache/deskwire")


def test_a_person_may_keep_folders_elsewhere() -> None:
    moved = ANN | {"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/k"}

    assert places.config_file(moved) == Path("/c/deskwire/config.toml")
    assert places.state_dir(moved) == Path("/s/deskwire")
    assert places.cache_dir(moved) == Path("/k/deskwire")


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_a_folder_that_is_not_absolute_counts_for_nothing(value: str) -> None:
    assert places.cache_dir(ANN | {"XDG_CACHE_HOME": value}) == Path("/home/ann/.cache/deskwire")


def test_without_home_the_password_database_says_where_it_is() -> None:
    assert places.home({}) == Path.home()


def test_a_user_whom_nobody_knows_is_at_home_in_the_root_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2_147_483_000)

    assert places.home({}) == Path("/")
    assert places.state_dir({}) == Path("/.local/state/deskwire")


def test_a_tilde_is_home_and_a_relative_path_counts_from_here(tmp_path: Path) -> None:
    assert places.whole(Path("~"), ANN) == Path("/home/ann")
    assert places.whole(Path("~/desk"), ANN) == Path("/home/ann/desk")
    assert places.whole(Path("desk"), ANN) == Path.cwd() / "desk"
    assert places.whole(Path("/srv/desk"), ANN) == Path("/srv/desk")


def test_the_session_bus_is_where_the_variable_says() -> None:
    environ = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/a", "XDG_RUNTIME_DIR": "/nowhere"}

    assert places.session_bus(environ) == "unix:path=/a"


def test_without_the_variable_the_session_bus_is_its_socket(socket_at: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(socket_at.parent)}

    assert places.session_bus(environ) == f"unix:path={socket_at}"


def test_without_any_variable_the_session_bus_is_the_users_own(
    socket_at: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = socket_at.parent / "user"
    (users / "1000").mkdir(parents=True)
    (users / "1000/bus").symlink_to(socket_at)
    monkeypatch.setattr(places, "USER_FOLDERS", users)

    assert places.session_bus({}, uid=1000) == f"unix:path={users}/1000/bus"
    assert places.session_bus({}, uid=1001) is None


def test_the_own_user_is_asked_for_when_none_is_named() -> None:
    assert places.session_bus({}) == places.session_bus({}, uid=os.getuid())


def test_no_socket_is_no_session_bus(tmp_path: Path) -> None:
    (tmp_path / "bus").write_text("not a socket")

    assert places.session_bus({"XDG_RUNTIME_DIR": str(tmp_path)}) is None


def test_the_system_bus_is_where_the_variable_says() -> None:
    assert places.system_bus({"DBUS_SYSTEM_BUS_ADDRESS": "tcp:host=h,port=1"}) == (
        "tcp:host=h,port=1"
    )


def test_the_system_bus_is_at_the_first_usual_place_that_is_a_socket(
    socket_at: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "SYSTEM_BUS_SOCKETS", (Path("/nowhere/bus"), socket_at))

    assert places.system_bus({}) == f"unix:path={socket_at}"


def test_a_system_bus_that_is_not_there_is_named_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "SYSTEM_BUS_SOCKETS", (Path("/no where/bus"), Path("/other")))

    assert places.system_bus({}) == "unix:path=/no%20where/bus"


@pytest.fixture
def no_settings(tmp_path: Path) -> Path:
    """Be where the machine has no settings for sound."""
    return tmp_path / "none"


def test_a_sound_server_is_where_every_program_looks_for_it(no_settings: Path) -> None:
    running = ANN | {"XDG_RUNTIME_DIR": "/run/user/7"}

    usual = places.sound(running, settings=no_settings)
    moved = places.sound(running | {"PULSE_RUNTIME_PATH": "/p"}, settings=no_settings)
    named = places.sound(running | {"PULSE_SERVER": "tcp:media"}, settings=no_settings)

    assert usual.address == "unix:/run/user/7/pulse/native unix:/run/pulse/native"
    assert moved.address == "unix:/p/native unix:/run/pulse/native"
    assert named.address == "tcp:media"
    assert usual.cookie == Path("/home/ann/.config/pulse/cookie")


def test_pulseaudios_own_settings_count_too(tmp_path: Path, no_settings: Path) -> None:
    settings = tmp_path / "client.conf"
    settings.write_text(
        "# autospawn = yes\n; default-server = no\n"
        "default-server = tcp:media:4000  # in the hall\ncookie-file = ~/c\n"
    )

    told = places.sound(ANN, settings=settings)
    own = places.sound(ANN | {"PULSE_CLIENTCONFIG": str(settings)}, settings=no_settings)
    said = places.sound(ANN | {"PULSE_SERVER": "/s", "PULSE_COOKIE": "/k"}, settings=settings)

    assert (told.address, told.cookie) == ("tcp:media:4000", Path("/home/ann/c"))
    assert own == told
    assert (said.address, said.cookie) == ("/s", Path("/k"))


def test_of_pulseaudios_settings_a_persons_own_count_and_the_last_file(tmp_path: Path) -> None:
    machines, own = tmp_path / "client.conf", tmp_path / "own/pulse/client.conf"
    own.parent.mkdir(parents=True)
    machines.write_text("default-server = machines\n")
    own.write_text("default-server = main\ncookie-file = /main\n")
    own.with_name("client.conf.d").mkdir()
    own.with_name("client.conf.d").joinpath("20.conf").write_text("default-server = last\n")
    own.with_name("client.conf.d").joinpath("10.conf").write_text("default-server = first\n")
    own.with_name("client.conf.d").joinpath("30.txt").write_text("default-server = other\n")

    told = places.sound(ANN | {"XDG_CONFIG_HOME": str(tmp_path / "own")}, settings=machines)

    assert (told.address, told.cookie) == ("last", Path("/main"))


@given(st.text())
def test_any_text_is_settings_for_sound(text: str) -> None:
    told = places.parse_pulse_settings(text)

    assert all(value and not {"#", ";"} & set(value) for value in told.values())
