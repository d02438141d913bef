from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.daemon.config.sources import (
    VARIABLES,
    BadSetting,
    Key,
    display,
    from_environ,
    from_file,
    from_flags,
    locate,
)

PORT = Key("server", "port")


def file_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def refusal_of_file(path: Path, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(BadSetting) as raised:
        list(from_file(path, environ or {}))
    return raised.value.message


def test_each_setting_has_an_environment_variable() -> None:
    assert VARIABLES["DESKWIRE_SERVER_PORT"] == PORT
    assert VARIABLES["DESKWIRE_SESSION_MAX_SOCKETS_PER_USER"] == ("session", "max_sockets_per_user")


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("DESKWIRE_SERVER_PORT", "9000", 9000),
        ("DESKWIRE_SERVER_HOST", "127.0.0.1", "127.0.0.1"),
        ("DESKWIRE_SERVER_TLS", "false", False),
        ("DESKWIRE_SERVER_TLS", "0", False),
        ("DESKWIRE_ART_PUBLIC", "TRUE", True),
        ("DESKWIRE_ART_PUBLIC", "1", True),
        ("DESKWIRE_STATS_INTERVAL", "0.5", 0.5),
        ("DESKWIRE_DEVICES_DISABLED", "wifi, players", ["wifi", "players"]),
        ("DESKWIRE_DEVICES_DISABLED", "", []),
        ("DESKWIRE_SERVER_ALLOWED_HOSTS", "desk.example,", ["desk.example"]),
        ("DESKWIRE_SERVER_PORT", "many", "many"),
        ("DESKWIRE_SERVER_TLS", "maybe", "maybe"),
    ],
)
def test_variable_is_converted_to_the_type_of_its_setting(
    variable: str, text: str, value: Any
) -> None:
    (found,) = from_environ({variable: text, "PATH": "/bin"})

    assert found == (VARIABLES[variable], value, variable)


def test_unknown_variable_is_refused_with_a_suggestion() -> None:
    with pytest.raises(BadSetting) as raised:
        list(from_environ({"DESKWIRE_SERVER_PROT": "1"}))

    assert raised.value.message == (
        'DESKWIRE_SERVER_PROT: no such setting; did you mean "DESKWIRE_SERVER_PORT"?'
    )


def test_omitted_flag_is_ignored() -> None:
    found = list(from_flags({"server": {"port": 9, "host": None, "tls": False}}))

    assert found == [(PORT, 9, "--port"), (("server", "tls"), False, "--no-tls")]


def test_unknown_flag_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"--colour: server\.colour: no such setting"):
        list(from_flags({"server": {"colour": 1}}))


def test_value_in_the_file_has_its_line(tmp_path: Path) -> None:
    path = file_of(tmp_path, "# mine\n[server]\n\nport = 9000\n")

    assert list(from_file(path, {})) == [(PORT, 9000, f"{path}:4")]


def test_file_with_byte_order_mark_and_crlf_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[server]\r\nport = 1\r\n")

    assert list(from_file(path, {})) == [(PORT, 1, f"{path}:2")]


def test_missing_default_file_is_ignored(tmp_path: Path) -> None:
    assert list(from_file(None, {"HOME": str(tmp_path)})) == []


def test_default_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "deskwire").mkdir()
    path = file_of(tmp_path / "deskwire", "server.port = 1\n")

    found = list(from_file(None, {"XDG_CONFIG_HOME": str(tmp_path)}))

    assert found == [(PORT, 1, f"{path}:1")]


def test_missing_file_given_with_config_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"

    assert refusal_of_file(path) == f"{path}: there is no such file (it was named by --config)"


def test_file_with_a_tilde_is_found_in_the_home_directory(tmp_path: Path) -> None:
    file_of(tmp_path, "server.port = 1\n")

    assert [found.value for found in from_file(Path("~/config.toml"), {"HOME": str(tmp_path)})] == [
        1
    ]


def test_directory_is_refused_as_file(tmp_path: Path) -> None:
    assert refusal_of_file(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"


def test_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")

    assert refusal_of_file(path) == f"{path}: is not UTF-8 text"


def test_file_that_is_not_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    path = file_of(tmp_path, "[server]\nport 8\n")

    assert refusal_of_file(path).startswith(f"{path}: is not TOML: ")
    assert "line 2" in refusal_of_file(path)


@pytest.mark.parametrize(
    ("text", "line", "rest"),
    [
        ("[server]\nprot = 1", 2, 'server.prot: no such setting; did you mean "server.port"?'),
        (
            "[server]\ninterval = 1",
            2,
            'server.interval: no such setting; did you mean "stats.interval"?',
        ),
        ("[server]\nzzz = 1", 2, "server.zzz: no such setting"),
        ("\n[sever]\nport = 1", 2, 'sever: no such section; did you mean "server"?'),
        (
            "[server]\nallowed_host = 1",
            2,
            'server.allowed_host: no such setting; did you mean "server.allowed_hosts"?',
        ),
        ("zzz = 1", 1, "zzz: no such section"),
        ("server = 1", 1, "server: expected a section, found 1"),
        ("[[server]]\nport = 1", 1, "server: expected a section, found [{'port': 1}]"),
    ],
)
def test_unknown_key_is_refused_with_its_line_and_a_suggestion(
    tmp_path: Path, text: str, line: int, rest: str
) -> None:
    path = file_of(tmp_path, text)

    assert refusal_of_file(path) == f"{path}:{line}: {rest}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[server]\nport = 1", ":2"),
        ("[stats]\nport = 1\n[ server ]\n  port=1", ":4"),
        ("server.port = 1", ":1"),
        ("\nserver = { port = 1 }", ":2"),
        ('["server"]\nport = 1', ""),
    ],
)
def test_line_is_found_in_plain_spellings(text: str, line: str) -> None:
    assert locate(Path("/c"), text, "server", "port") == f"/c{line}"


@given(st.text())
def test_any_text_has_a_location(text: str) -> None:
    assert locate(Path("/c"), text, "server", "port").startswith("/c")


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (True, "true"),
        (3, "3"),
        ("a", '"a"'),
        ("two\nlines", "'two\\nlines'"),
        (["a", True], '["a", true]'),
        ("x" * 200, '"' + "x" * 78 + "…"),
    ],
)
def test_found_value_is_shown_on_one_short_line(value: Any, line: str) -> None:
    assert display(value) == line
