import asyncio
import json
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import User, Users
from deskwire.cli.commands.users import users
from deskwire.daemon import control_socket
from deskwire.model.access import Scope

PASSWORD = "correct horse"
OTHER_UID = 65534
PASSWD = "run `deskwire users passwd` to change the password"
LIST = "run `deskwire users list` to see all users"
NAMES = "a name has 1 to 32 letters (a-z), digits and . _ - @, and begins with a letter or digit"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up a user with an empty home."""
    for name in [*os.environ]:
        if name.startswith(("XDG_", "DESKWIRE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def run_users(*words: str, password: str | bytes | None = None) -> Result:
    """Run `deskwire users …` in this process, with one line on standard input."""
    given = [] if password is None else ["--password-stdin"]
    return CliRunner().invoke(users, [*words, *given], input=password, catch_exceptions=False)


def done(*words: str, password: str | None = None) -> str:
    result = run_users(*words, password=password)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def may_log_in(home: Path, name: str, password: str) -> User:
    state = StateDirectory.open(home / ".local/state/deskwire")
    user = asyncio.run(Users(state, Passwords()).verify(name, password))
    state.close()
    return user


def test_added_user_can_log_in(home: Path) -> None:
    printed = done("add", "ann", password=f"{PASSWORD}\n")

    assert printed == "added ann with scopes monitor, control\n"
    assert may_log_in(home, "ann", PASSWORD).scopes == {Scope.MONITOR, Scope.CONTROL}


def test_scope_option_limits_a_user(home: Path) -> None:
    done("add", "bob", "--scope", "monitor", password=PASSWORD)

    assert may_log_in(home, "bob", PASSWORD).scopes == frozenset({Scope.MONITOR})


def test_power_is_given_only_if_it_is_asked_for(home: Path) -> None:
    done("add", "ann", password=PASSWORD)
    printed = done("add", "bob", "--scope", "power,monitor", password=PASSWORD)

    assert printed == "added bob with scopes monitor, power\n"
    assert Scope.POWER not in may_log_in(home, "ann", PASSWORD).scopes
    assert may_log_in(home, "bob", PASSWORD).scopes == {Scope.MONITOR, Scope.POWER}


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nsecond line\n"])
def test_password_is_the_first_line_without_its_end(home: Path, end: str) -> None:
    done("add", "ann", password=f" {PASSWORD} {end}")

    assert may_log_in(home, "ann", f" {PASSWORD} ").name == "ann"


def test_new_password_replaces_the_old(home: Path) -> None:
    done("add", "ann", password=PASSWORD)
    printed = done("passwd", "Ann", password="staple battery")

    assert printed == "changed the password of Ann and ended all logins\n"
    assert may_log_in(home, "ann", "staple battery").name == "ann"


def test_removed_user_is_not_in_the_list() -> None:
    for name in ("ann", "bob"):
        done("add", name, password=PASSWORD)
    printed = done("remove", "ann")

    assert printed == "removed ann and ended all logins\n"
    assert [each["name"] for each in json.loads(done("list", "--json"))] == ["bob"]


def test_daemon_that_does_not_answer_is_reported_after_the_change(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_socket, "REPLY_TIMEOUT", 0.2)
    done("add", "ann", password=PASSWORD)
    with control_socket.listen(home / ".local/state/deskwire") as listening:
        listening.listen()
        result = run_users("passwd", "ann", password="staple battery")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "deskwire: the change is saved, but the daemon did not answer within 0.2 s; "
        "restart it to close the sockets of these logins\n"
    )
    assert may_log_in(home, "ann", "staple battery").name == "ann"


def test_list_is_a_table_or_json() -> None:
    assert done("list") == "no users yet; run `deskwire users add NAME` to add one\n"
    assert done("list", "--json") == "[]\n"
    done("add", "ann", password=PASSWORD)
    done("add", "Bartholomew", "--scope", "monitor", password=PASSWORD)

    heading, *rows = done("list").splitlines()
    assert heading == "NAME         SCOPES           SINCE"
    assert [re.sub(r"\d", "0", row) for row in rows] == [
        "ann          monitor,control  0000-00-00 00:00",
        "Bartholomew  monitor          0000-00-00 00:00",
    ]
    first, _ = json.loads(done("list", "--json"))
    assert first["scopes"] == ["monitor", "control"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["created"])


def test_state_dir_option_selects_another_desk(home: Path) -> None:
    done("add", "ann", "--state-dir", str(home / "other"), password=PASSWORD)

    assert (home / "other" / "state.db").is_file()
    assert done("list", "--json") == "[]\n"
    assert "ann" in done("list", "--state-dir", str(home / "other"))


@pytest.mark.parametrize("words", [["list"], ["passwd", "ann"], ["remove", "ann"]])
def test_only_add_creates_a_named_state_directory(home: Path, words: list[str]) -> None:
    typo = home / "typo"

    result = run_users(*words, "--state-dir", str(typo))

    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == f"deskwire: {typo} does not exist; the first start creates it\n"
    assert not typo.exists()


@pytest.mark.parametrize(
    ("words", "password", "printed"),
    [
        (["add", "ann"], PASSWORD, f"there is a user ann already; {PASSWD}"),
        (["add", "ANN"], PASSWORD, f"there is a user ANN already; {PASSWD}"),
        (["add", "bob"], "short", "the password is shorter than 8 characters"),
        (["add", "bob"], "", "the password is shorter than 8 characters"),
        (["add", "bob"], "x" * 2000, "the password is longer than 1024 bytes"),
        (["add", "bob"], b"\xff\xfe not utf-8", "the password is not text in UTF-8"),
        (["add", "b b"], PASSWORD, NAMES),
        (["passwd", "bob"], PASSWORD, f"there is no user bob; {LIST}"),
        (["passwd", "ann"], "short", "the password is shorter than 8 characters"),
        (["remove", "bob"], None, f"there is no user bob; {LIST}"),
        (["remove", "\x1b[2J"], None, f"there is no such user; {LIST}"),
    ],
)  # fmt: skip
def test_refused_change_is_one_line_and_exit_code_1(
    words: list[str], password: str | bytes | None, printed: str
) -> None:
    done("add", "ann", password=PASSWORD)
    result = run_users(*words, password=password)

    assert (result.exit_code, result.stderr) == (1, f"deskwire: {printed}\n")
    assert result.stdout == ""
    assert len(json.loads(done("list", "--json"))) == 1


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["add", "ann"], "cannot ask for a password without a terminal; use --password-stdin"),
        (["add", "ann", "--scope", "all"], "--scope: expected one or more of monitor, control"),
        (["add", "ann", "--scope", ""], "--scope: expected one or more of monitor, control"),
        (["list", "--config", "none.toml"], "none.toml"),
    ],
)
def test_wrong_option_is_one_line_and_exit_code_2(words: list[str], printed: str) -> None:
    result = run_users(*words)

    assert result.exit_code == 2
    assert printed in result.stderr
    assert result.stderr.startswith("deskwire: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["add"], ["frobnicate"], ["list", "--frobnicate"]])
def test_missing_or_unknown_argument_exits_2(words: list[str]) -> None:
    assert run_users(*words).exit_code == 2


def test_unusable_state_directory_is_one_line_and_exit_code_4(home: Path) -> None:
    (home / "file").touch()
    result = run_users("list", "--state-dir", str(home / "file"))

    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == f"deskwire: {home / 'file'} is not a directory\n"


def test_state_directory_of_another_user_is_one_line_and_exit_code_4(home: Path) -> None:
    folder = Path("/")
    if os.geteuid() == 0:
        folder = home / "theirs"
        folder.mkdir()
        os.chown(folder, OTHER_UID, OTHER_UID)
    result = run_users("list", "--state-dir", str(folder))

    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith(f"deskwire: {folder} belongs to ")
    assert result.stderr.count("\n") == 1


class Terminal:
    """A user at a terminal, who reads the output and types."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._seen = 0
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Read until the text appears after the one of the previous call."""
        while text not in self.shown[self._seen :]:
            ready, _, _ = select.select([self._number], [], [], 10.0)
            assert ready, f"{text!r} never came after {self.shown!r}"
            self.shown += os.read(self._number, 4096).decode()
        self._seen = self.shown.index(text, self._seen) + len(text)

    def type(self, line: str) -> None:
        os.write(self._number, f"{line}\n".encode())


@contextmanager
def at_a_terminal(*words: str) -> Iterator[Terminal]:
    """Run `deskwire users …` at a terminal; it must exit with 0."""
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-c", "from deskwire.cli.commands.users import users; users()", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(ours)
        assert command.wait(timeout=10.0) == 0
    finally:
        command.kill()
        command.wait()
        os.close(ours)


def test_terminal_prompt_asks_twice_without_echo(home: Path) -> None:
    with at_a_terminal("add", "ann") as terminal:
        terminal.wait_for("Password for ann: ")
        terminal.type(PASSWORD)
        terminal.wait_for("Repeat the password: ")
        terminal.type("something else")
        terminal.wait_for("do not match")
        terminal.wait_for("Password for ann: ")
        terminal.type(PASSWORD)
        terminal.wait_for("Repeat the password: ")
        terminal.type(PASSWORD)
        terminal.wait_for("added ann with scopes monitor, control")

    assert PASSWORD not in terminal.shown
    assert "something else" not in terminal.shown
    assert may_log_in(home, "ann", PASSWORD).name == "ann"


def test_help_describes_each_command() -> None:
    shown = done("--help")

    for line in (
        "add     Add a user with a password of at least 8 characters.",
        "list    List the users with their scopes.",
        "passwd  Change a user's password and end all logins of the user.",
        "remove  Remove a user and end all logins of the user.",
    ):
        assert line in shown
    assert "--password-stdin" in done("add", "--help")


def test_users_command_does_not_load_the_server() -> None:
    code = """
import sys
from deskwire.cli.commands.users import users
from deskwire.daemon import control_socket
users(["list"], standalone_mode=False)
print("aiohttp" in sys.modules)
"""

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert printed.stdout.splitlines()[-1] == "False"
