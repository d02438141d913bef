"""Commands and their errors: plain lines, stable exit codes, no traceback."""

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import Daemon, environment, run

COMMANDS = (
    (),
    ("serve",),
    ("users",),
    ("users", "add"),
    ("users", "list"),
    ("users", "passwd"),
    ("users", "remove"),
    ("logins",),
    ("doctor",),
    ("snapshot",),
    ("login",),
    ("logout",),
    ("watch",),
    ("play-pause",),
    ("next",),
    ("previous",),
    ("stop",),
    ("art",),
)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir()
    return environment(tmp_path / "home")


def serve(env: dict[str, str], tmp_path: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    """Start a daemon that cannot start."""
    where = ("--host", "127.0.0.1", "--port", "0", "--state-dir", str(tmp_path / "state"))
    return run("serve", *where, *more, env=env)


def only_line(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the only line on standard error."""
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_command_has_a_help_text(env: dict[str, str], command: tuple[str, ...]) -> None:
    done = run(*command, "--help", env=env)

    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: deskwire{''.join(' ' + word for word in command)}")
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_offers_the_commands(env: dict[str, str], shell: str) -> None:
    script = run(env={**env, "_DESKWIRE_COMPLETE": f"{shell}_source"})
    typed = {"COMP_WORDS": "deskwire us", "COMP_CWORD": "1"}
    offered = run(env={**env, "_DESKWIRE_COMPLETE": "bash_complete", **typed})

    assert script.returncode == 0, script.stderr
    assert "_DESKWIRE_COMPLETE" in script.stdout
    assert offered.stdout == "plain,users\n"


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        (
            "SERVER_PORT",
            "eighty",
            ("DESKWIRE_SERVER_PORT", "server.port", "whole number", "eighty"),
        ),
        ("SESSION_LIFETIME", "-1", ("DESKWIRE_SESSION_LIFETIME", "session.lifetime", "-1")),
        ("SERVER_TLS", "maybe", ("DESKWIRE_SERVER_TLS", "true or false", "maybe")),
        ("STATS_INTERVALL", "1", ("DESKWIRE_STATS_INTERVALL", "no such setting", "INTERVAL")),
    ],
)
def test_invalid_variable_stops_the_start_with_its_name_and_value(
    env: dict[str, str], tmp_path: Path, setting: str, value: str, words: tuple[str, ...]
) -> None:
    done = serve({**env, f"DESKWIRE_{setting}": value}, tmp_path)

    assert done.returncode == 2
    line = only_line(done)
    assert [word for word in words if word not in line] == [], line
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nprot = 80\n", ("server.prot", "port")),
        ("[sever]\nport = 80\n", ("sever",)),
        ("[server]\nport = 'eighty'\n", ("server.port", "whole number", "eighty")),
        ("[server\n", ("config.toml",)),
    ],
)
def test_invalid_config_file_stops_the_start_with_its_path(
    env: dict[str, str], tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")

    done = serve(env, tmp_path, "--config", str(file))

    assert done.returncode == 2
    line = only_line(done)
    assert str(file) in line
    assert [word for word in words if word not in line] == [], line


def test_missing_config_file_stops_the_start(env: dict[str, str], tmp_path: Path) -> None:
    done = serve(env, tmp_path, "--config", str(tmp_path / "none.toml"))

    assert done.returncode == 2
    assert "none.toml" in only_line(done)


def test_no_tls_is_refused_beyond_loopback(env: dict[str, str], tmp_path: Path) -> None:
    done = serve(env, tmp_path, "--no-tls", "--host", "0.0.0.0")

    assert done.returncode == 2
    assert "loopback" in only_line(done)


def test_port_in_use_is_named(env: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = serve(env, tmp_path, "--port", port)

    assert done.returncode == 3
    assert port in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "ready" not in done.stdout


def test_unusable_state_directory_is_named(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be", encoding="utf-8")

    done = serve(env, tmp_path)

    assert done.returncode == 4
    assert str(tmp_path / "state") in only_line(done)


def test_unknown_command_is_named(env: dict[str, str]) -> None:
    done = run("dance", env=env)

    assert done.returncode == 2
    assert "dance" in done.stderr
    assert "Traceback" not in done.stderr


def test_user_is_added_listed_and_removed(env: dict[str, str], tmp_path: Path) -> None:
    def users(*words: str, given: str = "") -> Any:
        return run("users", *words, "--state-dir", str(tmp_path), env=env, given=given)

    added = users("add", "ann", "--password-stdin", given="a long enough one\n")
    again = users("add", "ann", "--password-stdin", given="a long enough one\n")
    listed = users("list")
    removed = users("remove", "ann")
    missing = users("remove", "ann")
    empty = users("list")

    assert [done.returncode for done in (added, listed, removed, empty)] == [0, 0, 0, 0]
    assert "ann" in listed.stdout
    assert "ann" not in empty.stdout
    assert again.returncode == missing.returncode == 1
    assert "ann" in only_line(again)
    assert "ann" in only_line(missing)


def test_owner_is_created_and_the_password_printed_once() -> None:
    with Daemon() as daemon:
        first = daemon.owner_password
        daemon.stop()
        daemon.start()

        assert len(first) >= 12
        assert "password" not in daemon.output
        listed = daemon.run("users", "list")
    assert listed.stdout.count("owner") == 1


def test_ready_line_is_last_and_names_the_port() -> None:
    with Daemon() as daemon:
        assert daemon.output.splitlines()[-1] == f"deskwire is ready at {daemon.address}"
        host, port = daemon.address.removeprefix("https://").split(":")
        with socket.create_connection((host, int(port)), timeout=1):
            pass


def test_ready_line_names_the_port_beside_a_public_url() -> None:
    with Daemon(settings={"server_public_url": "https://desk.example"}) as daemon:
        elsewhere, ready = daemon.output.splitlines()[-2:]
        host, port = daemon.address.removeprefix("https://").split(":")
        with socket.create_connection((host, int(port)), timeout=1):
            pass

    assert elsewhere == "public URL https://desk.example"
    assert ready == f"deskwire is ready at https://{host}:{port}"
