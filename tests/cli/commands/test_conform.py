import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deskwire.cli.commands import conform as command
from deskwire.conformance.clause import Finding, Verdict
from deskwire.conformance.clauses import choose
from deskwire.terminal.console import Console
from tests.support.programs import MOCK_ENV, MOCK_PASSWORD, MockServer, run

PASSWORDS = f"{MOCK_PASSWORD}\n{MOCK_PASSWORD}\n"


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockServer]:
    with MockServer(tmp_path_factory.mktemp("mock"), "--no-tls") as mock:
        yield mock


def conform(mock: MockServer, *more: str) -> "subprocess.CompletedProcess[str]":
    words = ("conform", mock.address, "--password-stdin", "--watcher", "watcher", *more)
    return run(*words, env=MOCK_ENV, given=PASSWORDS)


def typed(*words: str) -> Result:
    """Run the command in this process, without a server."""
    return CliRunner().invoke(command.conform, words, catch_exceptions=False)


def test_all_clauses_hold_prints_a_table_and_exits_0(mock: MockServer) -> None:
    done = conform(mock, "--only", "1.1,2.3,login", "--without", "1.4,1.5,1.6")

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout
    assert lines[0].split() == ["clause", "expected", "seen"]
    assert re.fullmatch(r"1\.1 +holds +The right name .* +200, a login_token", lines[1])
    assert lines[-1] == "13 holds, 0 broken, 0 not checked"


def test_broken_clause_exits_1_and_is_in_the_reports(mock: MockServer, tmp_path: Path) -> None:
    files = ["--json", str(tmp_path / "r.json"), "--junit", str(tmp_path / "r.xml")]

    done = conform(mock, "--only", "2.1,2.11", "--lifetime", "600", *files)

    assert done.returncode == 1
    assert "1200 s instead of 600 s" in done.stdout
    assert '"verdict": "broken"' in (tmp_path / "r.json").read_text()
    assert 'failures="1"' in (tmp_path / "r.xml").read_text()


def test_unchecked_clause_exits_1(mock: MockServer) -> None:
    done = conform(mock, "--only", "9.5,10.1", "--patience", "2")

    assert done.returncode == 1
    assert "a token lives 1200 s, longer than --patience 2; start the server" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 holds, 0 broken, 2 not checked"


def test_quick_leaves_out_slow_clauses(mock: MockServer) -> None:
    done = conform(mock, "--only", "2.11,9,10.1,10.2,3.10", "--quick")

    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "1 holds, 0 broken, 0 not checked"


def test_unreachable_server_is_one_line_and_exit_code_6() -> None:
    done = run("conform", "http://127.0.0.1:9", "--password-stdin", env=MOCK_ENV, given=PASSWORDS)

    assert done.returncode == 6
    assert done.stdout == ""
    assert done.stderr == "deskwire: http://127.0.0.1:9: Connection refused\n"


def test_wrong_password_is_one_line_and_exit_code_5(mock: MockServer) -> None:
    done = run(
        *("conform", mock.address, "--password-stdin"), env=MOCK_ENV, given="not-the-password\n"
    )

    assert done.returncode == 5
    assert done.stdout == ""
    assert done.stderr == ("deskwire: owner cannot log in: the name or the password is wrong\n")


def test_untrusted_certificate_is_one_line_and_exit_code_7(tmp_path: Path) -> None:
    words = ("--password-stdin", "--only", "2.3")
    with MockServer(tmp_path) as secure:
        stranger = run("conform", secure.address, *words, env=MOCK_ENV, given=PASSWORDS)
        other = run(
            *("conform", secure.address, *words, "--fingerprint", "ab" * 32),
            env=MOCK_ENV,
            given=PASSWORDS,
        )
        no_tls = run(
            *("conform", secure.address.replace("https", "http"), *words),
            env=MOCK_ENV,
            given=PASSWORDS,
        )

    assert stranger.returncode == other.returncode == 7
    assert (
        "no authority that this machine trusts signed the certificate; use --fingerprint"
        in stranger.stderr
    )
    assert "the server shows another certificate, SHA-256 " in other.stderr
    assert stranger.stdout == other.stdout == ""
    assert no_tls.returncode == 6
    assert "the server at this address uses TLS: write https://" in no_tls.stderr


def test_list_prints_the_clauses() -> None:
    listed = typed("--list", "--only", "9")

    assert listed.stdout.splitlines()[4] == (
        "9.5   At the token's end the socket is closed 4004. (protocol.md#end-of-session)"
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--only", "nothing"], "no clause or topic is named 'nothing'"),
        (["--fingerprint", "ab"], "--fingerprint: expected the 64 hexadecimal digits"),
    ],
)
def test_wrong_option_is_one_line_and_exit_code_2(words: list[str], why: str) -> None:
    ended = typed("http://127.0.0.1:9", "--password-stdin", *words)

    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"deskwire: {why}")


def test_long_finding_is_wrapped_in_its_columns() -> None:
    ((topic, clause),) = choose("1.1")
    out = io.StringIO()
    table = command.VerdictTable(Console(out, {}), width=80)

    finding = Finding(clause, topic.name, Verdict.BROKEN, "500 and a very long page instead", 0.1)
    table.write_header()
    table.add(finding)
    table.write_summary([finding])

    assert out.getvalue().splitlines() == [
        "clause            expected                              seen",
        "1.1   BROKEN      The right name and password get 200   500 and a very long page",
        "                  and a `login_token` with `token` and  instead",
        "                  `expires_at`.",
        "",
        "0 holds, 1 broken, 0 not checked",
    ]
