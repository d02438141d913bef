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
from deskwire.auth.state import State
from deskwire.auth.user import User
from deskwire.auth.users import Users
from deskwire.cli.commands.users import users
from deskwire.model.access import ALL_SCOPES, Scope

PASSWORD = "correct horse"
NOBODY = 65534
PASSWD = "`deskwire users passwd` sets another password"
LIST = "`deskwire users list` names them"
NAMES = "a name has 1 to 32 letters (a-z), digits and . _ - @, and begins with a letter or digit"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be somebody with an empty home."""
    for name in [*os.environ]:
        if name.startswith(("XDG_", "DESKWIRE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def typed(*words: str, password: str | bytes | None = None) -> Result:
    """Type `deskwire users …`, with one line on standard input."""
    given = [] if password is None else ["--password-stdin"]
    return CliRunner().invoke(users, [*words, *given], input=password, catch_exceptions=False)


def done(*words: str, password: str | None = None) -> str:
    result = typed(*words, password=password)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def may_log_in(home: Path, name: str, password: str) -> User:
    state = State.open(home / ".local/state/deskwire")
    user = asyncio.run(Users(state, Passwords()).verify(name, password))
    state.close()
    return user


def test_who_was_added_may_log_in(home: Path) -> None:
    told = done("add", "ann", password=f"{PASSWORD}\n")

    assert told == "ann may monitor and control\n"
    assert may_log_in(home, "ann", PASSWORD).scopes == ALL_SCOPES


def test_somebody_may_only_look(home: Path) -> None:
    done("add", "bob", "--scope", "monitor", password=PASSWORD)

    assert may_log_in(home, "bob", PASSWORD).scopes == frozenset({Scope.MONITOR})


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nsecond line\n"])
def test_a_password_is_the_first_line_without_its_end(home: Path, end: str) -> None:
    done("add", "ann", password=f" {PASSWORD} {end}")

    assert may_log_in(home, "ann", f" {PASSWORD} ").name == "ann"


def test_a_new_password_replaces_the_old(home: Path) -> None:
    done("add", "ann", password=PASSWORD)
    told = done("passwd", "Ann", password="staple battery")

    assert told == "Ann has a new password and is logged out everywhere\n"
    assert may_log_in(home, "ann", "staple battery").name == "ann"


def test_who_was_removed_is_not_in_the_list() -> None:
    for name in ("ann", "bob"):
        done("add", name, password=PASSWORD)
    told = done("remove", "ann")

    assert told == "ann is removed, and logged out everywhere\n"
    assert [each["name"] for each in json.loads(done("list", "--json"))] == ["bob"]


def test_the_list_is_a_table_for_people_and_json_for_programs() -> None:
    assert done("list") == "nobody yet; `deskwire users add NAME` lets somebody in\n"
    assert done("list", "--json") == "[]\n"
    done("add", "ann", password=PASSWORD)
    done("add", "Bartholomew", "--scope", "monitor", password=PASSWORD)

    heading, *rows = done("list").splitlines()
    assert heading == "NAME         MAY              SINCE"
    assert [re.sub(r"\d", "0", row) for row in rows] == [
        "ann          monitor,control  0000-00-00 00:00",
        "Bartholomew  monitor          0000-00-00 00:00",
    ]
    first, _ = json.loads(done("list", "--json"))
    assert first["scopes"] == ["monitor", "control"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["created"])


def test_another_state_directory_is_another_desk(home: Path) -> None:
    done("add", "ann", "--state-dir", str(home / "other"), password=PASSWORD)

    assert (home / "other" / "state.db").is_file()
    assert done("list", "--json") == "[]\n"
    assert "ann" in done("list", "--state-dir", str(home / "other"))


@pytest.mark.parametrize("words", [["list"], ["passwd", "ann"], ["remove", "ann"]])
def test_only_adding_somebody_makes_the_state_directory_that_was_named(
    home: Path, words: list[str]
) -> None:
    typo = home / "typo"

    result = typed(*words, "--state-dir", str(typo))

    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == f"deskwire: {typo} is not there; the first start makes it\n"
    assert not typo.exists()


@pytest.mark.parametrize(
    ("words", "password", "told"),
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
def test_what_cannot_be_done_is_one_line_and_exit_code_1(
    words: list[str], password: str | bytes | None, told: str
) -> None:
    done("add", "ann", password=PASSWORD)
    result = typed(*words, password=password)

    assert (result.exit_code, result.stderr) == (1, f"deskwire: {told}\n")
    assert result.stdout == ""
    assert len(json.loads(done("list", "--json"))) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["add", "ann"], "there is no terminal to ask for a password on: use --password-stdin"),
        (["add", "ann", "--scope", "all"], "--scope: expected one or both of monitor, control"),
        (["add", "ann", "--scope", ""], "--scope: expected one or both of monitor, control"),
        (["list", "--config", "none.toml"], "none.toml"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_code_2(words: list[str], told: str) -> None:
    result = typed(*words)

    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.startswith("deskwire: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["add"], ["frobnicate"], ["list", "--frobnicate"]])
def test_a_missing_or_unknown_word_is_exit_code_2(words: list[str]) -> None:
    assert typed(*words).exit_code == 2


def test_a_state_directory_that_cannot_be_used_is_one_line_and_exit_code_4(home: Path) -> None:
    (home / "file").touch()
    result = typed("list", "--state-dir", str(home / "file"))

    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == f"deskwire: {home / 'file'} is not a folder\n"


def test_somebody_elses_state_directory_is_one_line_and_exit_code_4(home: Path) -> None:
    folder = Path("/")
    if os.geteuid() == 0:
        folder = home / "theirs"
        folder.mkdir()
        os.chown(folder, NOBODY, NOBODY)
    result = typed("list", "--state-dir", str(folder))

    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith(f"deskwire: {folder} belongs to ")
    assert result.stderr.count("\n") == 1


class Terminal:
    """A person at a terminal: reads what is shown there, and types."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._seen = 0
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Read until it is shown, from after what was waited for before."""
        while text not in self.shown[self._seen :]:
            ready, _, _ = select.select([self._number], [], [], 10.0)
            assert ready, f"{text!r} never came after {self.shown!r}"
            self.shown += os.read(self._number, 4096).decode()
        self._seen = self.shown.index(text, self._seen) + len(text)

    def type(self, line: str) -> None:
        os.write(self._number, f"{line}\n".encode())


@contextmanager
def at_a_terminal(*words: str) -> Iterator[Terminal]:
    """Type `deskwire users …` at a terminal; it has to end well."""
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


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(home: Path) -> None:
    with at_a_terminal("add", "ann") as terminal:
        terminal.wait_for("Password for ann: ")
        terminal.type(PASSWORD)
        terminal.wait_for("Once more: ")
        terminal.type("something else")
        terminal.wait_for("do not match")
        terminal.wait_for("Password for ann: ")
        terminal.type(PASSWORD)
        terminal.wait_for("Once more: ")
        terminal.type(PASSWORD)
        terminal.wait_for("ann may monitor and control")

    assert PASSWORD not in terminal.shown
    assert "something else" not in terminal.shown
    assert may_log_in(home, "ann", PASSWORD).name == "ann"


def test_help_says_what_each_command_is_for() -> None:
    shown = done("--help")

    for line in (
        "add     Let somebody in, with a password of at least 8 characters.",
        "list    Print who may come in, and since when.",
        "passwd  Give somebody a new password and log out all their screens.",
        "remove  Let somebody in no longer, and log out all their screens.",
    ):
        assert line in shown
    assert "--password-stdin" in done("add", "--help")


def test_the_commands_do_not_carry_the_server() -> None:
    code = """
import sys
from deskwire.cli.commands.users import users
early = {"argon2", "sqlite3", "msgspec", "asyncio"} & sys.modules.keys()
users(["list"], standalone_mode=False)
print(sorted(early), "aiohttp" in sys.modules)
"""

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.splitlines()[-1] == "[] False"
