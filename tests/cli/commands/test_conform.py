import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deskwire.cli.commands import conform as command
from tests.support.desk import run
from tests.support.running_mock import ENV, PASSWORD, RunningMock

PASSWORDS = f"{PASSWORD}\n{PASSWORD}\n"


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMock]:
    with RunningMock(tmp_path_factory.mktemp("mock"), "--no-tls") as mock:
        yield mock


def conform(mock: RunningMock, *more: str) -> "subprocess.CompletedProcess[str]":
    words = ("conform", mock.address, "--password-stdin", "--watcher", "watcher", *more)
    return run(*words, env=ENV, given=PASSWORDS)


def typed(*words: str) -> Result:
    """Type it where nothing is to be judged."""
    return CliRunner().invoke(command.conform, words, catch_exceptions=False)


def test_a_table_and_0_when_every_clause_holds(mock: RunningMock) -> None:
    judged = conform(mock, "--only", "1.1,2.3,login", "--without", "1.4,1.5,1.6")

    lines = judged.stdout.splitlines()
    assert judged.returncode == 0, judged.stdout
    assert lines[0].split() == ["clause", "expected", "seen"]
    assert re.fullmatch(r"1\.1 +holds +The right name .* +200, a login_token", lines[1])
    assert lines[-1] == "13 holds, 0 broken, 0 not checked"


def test_1_when_a_clause_is_broken_and_reports_for_programs(
    mock: RunningMock, tmp_path: Path
) -> None:
    files = ["--json", str(tmp_path / "r.json"), "--junit", str(tmp_path / "r.xml")]

    judged = conform(mock, "--only", "2.1,2.11", "--lifetime", "600", *files)

    assert judged.returncode == 1
    assert "1200 s instead of 600 s" in judged.stdout
    assert '"verdict": "broken"' in (tmp_path / "r.json").read_text()
    assert 'failures="1"' in (tmp_path / "r.xml").read_text()


def test_1_when_a_clause_could_not_be_judged(mock: RunningMock) -> None:
    judged = conform(mock, "--only", "9.5,10.1", "--patience", "2")

    assert judged.returncode == 1
    assert "a token lives 1200 s, longer than --patience 2; start the server" in judged.stdout
    assert judged.stdout.splitlines()[-1] == "0 holds, 0 broken, 2 not checked"


def test_quick_leaves_out_what_takes_long(mock: RunningMock) -> None:
    judged = conform(mock, "--only", "2.11,9,10.1,10.2,3.10", "--quick")

    assert judged.returncode == 0, judged.stdout
    assert judged.stdout.splitlines()[-1] == "1 holds, 0 broken, 0 not checked"


def test_a_server_that_is_not_there_is_said_once() -> None:
    judged = run("conform", "http://127.0.0.1:9", "--password-stdin", env=ENV, given=PASSWORDS)

    assert judged.returncode == 6
    assert judged.stdout == ""
    assert judged.stderr == "deskwire: http://127.0.0.1:9: Connection refused\n"


def test_a_wrong_password_is_said_once(mock: RunningMock) -> None:
    judged = run(
        *("conform", mock.address, "--password-stdin"), env=ENV, given="not-the-password\n"
    )

    assert judged.returncode == 5
    assert judged.stdout == ""
    assert judged.stderr == ("deskwire: owner cannot log in: the name or the password is wrong\n")


def test_a_certificate_that_is_not_believed_is_said_once(tmp_path: Path) -> None:
    words = ("--password-stdin", "--only", "2.3")
    with RunningMock(tmp_path) as secure:
        stranger = run("conform", secure.address, *words, env=ENV, given=PASSWORDS)
        other = run(
            *("conform", secure.address, *words, "--fingerprint", "ab" * 32),
            env=ENV,
            given=PASSWORDS,
        )
        no_tls = run(
            *("conform", secure.address.replace("https", "http"), *words), env=ENV, given=PASSWORDS
        )

    assert stranger.returncode == other.returncode == 7
    assert (
        "no authority that this machine trusts signed the certificate; --fingerprint"
        in stranger.stderr
    )
    assert "the server shows another certificate, SHA-256 " in other.stderr
    assert stranger.stdout == other.stdout == ""
    assert no_tls.returncode == 6
    assert "the server at this address uses TLS: write https://" in no_tls.stderr


def test_clauses_can_be_listed() -> None:
    listed = typed("--list", "--only", "9")

    assert listed.stdout.splitlines()[4] == (
        "9.5   At the token's end the socket is closed 4004. (protocol.md#end-of-session)"
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--only", "nothing"], "no clause and no topic is named 'nothing'"),
        (["--fingerprint", "ab"], "--fingerprint: expected the 64 hexadecimal digits"),
    ],
)
def test_a_wrong_word_ends_the_judge_with_a_line_and_2(words: list[str], why: str) -> None:
    ended = typed("http://127.0.0.1:9", "--password-stdin", *words)

    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"deskwire: {why}")
