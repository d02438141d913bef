import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.daemon import paths

ANN = {"HOME": "/home/ann"}


@pytest.fixture
def socket_at(tmp_path: Path) -> Iterator[Path]:
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "bus"))
        yield tmp_path / "bus"


def test_directories_have_their_xdg_defaults() -> None:
    assert paths.config_file(ANN) == Path("/home/ann/.config/deskwire/config.toml")
    assert paths.state_dir(ANN) == Path("/home/ann/.local/state/deskwire")
    assert paths.cache_dir(ANN) == Path("/home/ann/.cache/deskwire")


def test_xdg_variables_move_the_directories() -> None:
    moved = ANN | {"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/k"}

    assert paths.config_file(moved) == Path("/c/deskwire/config.toml")
    assert paths.state_dir(moved) == Path("/s/deskwire")
    assert paths.cache_dir(moved) == Path("/k/deskwire")


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_variable_that_is_not_absolute_has_no_effect(value: str) -> None:
    assert paths.cache_dir(ANN | {"XDG_CACHE_HOME": value}) == Path("/home/ann/.cache/deskwire")


def test_home_without_the_variable_is_that_of_the_password_database() -> None:
    assert paths.home({}) == Path.home()


def test_home_of_an_unknown_user_is_the_root_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2_147_483_000)

    assert paths.home({}) == Path("/")
    assert paths.state_dir({}) == Path("/.local/state/deskwire")


def test_tilde_and_relative_path_become_absolute(tmp_path: Path) -> None:
    assert paths.absolute_path(Path("~"), ANN) == Path("/home/ann")
    assert paths.absolute_path(Path("~/desk"), ANN) == Path("/home/ann/desk")
    assert paths.absolute_path(Path("desk"), ANN) == Path.cwd() / "desk"
    assert paths.absolute_path(Path("/srv/desk"), ANN) == Path("/srv/desk")


def test_the_session_bus_is_where_the_variable_says() -> None:
    environ = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/a", "XDG_RUNTIME_DIR": "/nowhere"}

    assert paths.session_bus(environ) == "unix:path=/a"


def test_without_the_variable_the_session_bus_is_its_socket(socket_at: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(socket_at.parent)}

    assert paths.session_bus(environ) == f"unix:path={socket_at}"


def test_without_any_variable_the_session_bus_is_the_users_own(
    socket_at: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = socket_at.parent / "user"
    (users / "1000").mkdir(parents=True)
    (users / "1000/bus").symlink_to(socket_at)
    monkeypatch.setattr(paths, "RUNTIME_DIRECTORIES", users)

    assert paths.session_bus({}, uid=1000) == f"unix:path={users}/1000/bus"
    assert paths.session_bus({}, uid=1001) is None


def test_the_own_user_is_asked_for_when_none_is_named() -> None:
    assert paths.session_bus({}) == paths.session_bus({}, uid=os.getuid())


def test_file_that_is_no_socket_is_no_session_bus(tmp_path: Path) -> None:
    (tmp_path / "bus").write_text("not a socket")

    assert paths.session_bus({"XDG_RUNTIME_DIR": str(tmp_path)}) is None


def test_system_bus_is_taken_from_the_variable() -> None:
    assert paths.system_bus({"DBUS_SYSTEM_BUS_ADDRESS": "tcp:host=h,port=1"}) == (
        "tcp:host=h,port=1"
    )


def test_system_bus_is_the_first_usual_path_that_is_a_socket(
    socket_at: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "SYSTEM_BUS_SOCKETS", (Path("/nowhere/bus"), socket_at))

    assert paths.system_bus({}) == f"unix:path={socket_at}"


def test_missing_system_bus_has_an_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paths, "SYSTEM_BUS_SOCKETS", (Path("/no where/bus"), Path("/other")))

    assert paths.system_bus({}) == "unix:path=/no%20where/bus"


@pytest.fixture
def no_settings(tmp_path: Path) -> Path:
    """Return a settings file of PulseAudio that does not exist."""
    return tmp_path / "none"


def test_sound_server_has_its_usual_paths(no_settings: Path) -> None:
    running = ANN | {"XDG_RUNTIME_DIR": "/run/user/7"}

    usual = paths.sound(running, settings=no_settings)
    moved = paths.sound(running | {"PULSE_RUNTIME_PATH": "/p"}, settings=no_settings)
    named = paths.sound(running | {"PULSE_SERVER": "tcp:media"}, settings=no_settings)

    assert usual.address == "unix:/run/user/7/pulse/native unix:/run/pulse/native"
    assert moved.address == "unix:/p/native unix:/run/pulse/native"
    assert named.address == "tcp:media"
    assert usual.cookie == Path("/home/ann/.config/pulse/cookie")


def test_sound_server_follows_the_settings_of_pulseaudio(tmp_path: Path, no_settings: Path) -> None:
    settings = tmp_path / "client.conf"
    settings.write_text(
        "# autospawn = yes\n; default-server = no\n"
        "default-server = tcp:media:4000  # in the hall\ncookie-file = ~/c\n"
    )

    configured = paths.sound(ANN, settings=settings)
    own = paths.sound(ANN | {"PULSE_CLIENTCONFIG": str(settings)}, settings=no_settings)
    named = paths.sound(ANN | {"PULSE_SERVER": "/s", "PULSE_COOKIE": "/k"}, settings=settings)

    assert (configured.address, configured.cookie) == ("tcp:media:4000", Path("/home/ann/c"))
    assert own == configured
    assert (named.address, named.cookie) == ("/s", Path("/k"))


def test_own_pulseaudio_settings_and_the_last_file_win(tmp_path: Path) -> None:
    machines, own = tmp_path / "client.conf", tmp_path / "own/pulse/client.conf"
    own.parent.mkdir(parents=True)
    machines.write_text("default-server = machines\n")
    own.write_text("default-server = main\ncookie-file = /main\n")
    own.with_name("client.conf.d").mkdir()
    own.with_name("client.conf.d").joinpath("20.conf").write_text("default-server = last\n")
    own.with_name("client.conf.d").joinpath("10.conf").write_text("default-server = first\n")
    own.with_name("client.conf.d").joinpath("30.txt").write_text("default-server = other\n")

    found = paths.sound(ANN | {"XDG_CONFIG_HOME": str(tmp_path / "own")}, settings=machines)

    assert (found.address, found.cookie) == ("last", Path("/main"))


@given(st.text())
def test_any_text_is_parsed_as_pulseaudio_settings(text: str) -> None:
    parsed = paths.parse_pulse_settings(text)

    assert all(value and not {"#", ";"} & set(value) for value in parsed.values())
