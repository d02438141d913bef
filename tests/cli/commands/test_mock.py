import re
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from deskwire.cli.commands import mock as command
from tests.support.programs import MOCK_ENV, MockServer, run


def test_mock_prints_address_and_password_and_leaves_no_files(tmp_path: Path) -> None:
    mock = MockServer(tmp_path)
    said = mock.output

    assert re.fullmatch(
        r"certificate SHA-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}\n"
        r"mock server: the user is owner, the password: only-a-rehearsal\n"
        r"  watcher, with the same password, has the scope monitor only\n"
        r"deskwire is ready at https://127\.0\.0\.1:\d+\n",
        said,
    )
    assert [path.name for path in tmp_path.glob("deskwire-mock-*/*")]
    assert mock.stop() == 0
    assert not list(tmp_path.glob("deskwire-mock-*"))


def test_given_password_is_not_printed(tmp_path: Path) -> None:
    mock = MockServer(
        tmp_path, "--no-tls", "--user", "ann", "--password-stdin", given="a secret of mine\n"
    )
    done = run(
        *("conform", mock.address, "--user", "ann", "--password-stdin", "--only", "1.1"),
        env=MOCK_ENV,
        given="a secret of mine\n",
    )

    assert "the user is ann, the password: (as given)" in mock.output
    assert "a secret of mine" not in mock.output
    assert done.returncode == 0, done.stdout
    mock.stop()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--fault", "close=1@2"], "--fault: expected one of these close codes: 1000,"),
        (["--scenario", "nowhere"], "nowhere: expected one of example, laptop, players, none,"),
        (["--no-tls", "--host", "0.0.0.0"], "--no-tls needs a loopback address"),
        (
            ["--allow-origin", "panel.example"],
            "--allow-origin: expected SCHEME://HOST[:PORT], found",
        ),
        (["--lifetime", "0"], "--lifetime: expected seconds above 0"),
    ],
)
def test_wrong_option_is_one_line_and_exit_code_2(words: list[str], why: str) -> None:
    ended = CliRunner().invoke(command.mock, ["--port", "0", *words], catch_exceptions=False)

    assert ended.exit_code == 2
    assert ended.stderr.splitlines()[-1].startswith(f"deskwire: {why}")


@pytest.mark.parametrize(
    ("host", "warns"), [("0.0.0.0", True), ("127.0.0.1", False), ("localhost", False)]
)
@pytest.mark.parametrize("given", ["", "a secret of mine\n"])
def test_public_password_on_other_hosts_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, host: str, warns: bool, given: str
) -> None:
    monkeypatch.setattr(command, "run", lambda *_: None)
    monkeypatch.setattr("deskwire.daemon.logs.configure", lambda **_: None)
    words = ["--port", "0", "--host", host, *(["--password-stdin"] if given else [])]
    ended = CliRunner().invoke(command.mock, words, input=given, catch_exceptions=False)

    assert ended.exit_code == 0
    assert ("the password is public" in ended.stderr) == (warns and not given)


def test_invalid_user_name_is_one_line_and_exit_code_2() -> None:
    ended = run("mock", "--port", "0", "--user", "no body", env=MOCK_ENV)

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("deskwire: a name has 1 to 32 letters")


def test_port_in_use_exits_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("mock", "--no-tls", "--port", str(port), env=MOCK_ENV)

    assert ended.returncode == 3
    assert f"127.0.0.1 port {port}: " in ended.stderr
