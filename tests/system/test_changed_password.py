"""A password that is changed while somebody watches: who sits at a terminal is asked for it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import PROGRAM, Daemon, environment, run
from tests.support.terminals import Terminal, Tmux
from tests.support.waiting import until

NEW = "quick brown fox"
WATCH = (PROGRAM, "watch", "--json", "--fields", "uptime")
ASKED = "Password for owner"
REFUSED = "login refused"
LIVE = '{"uptime":'


class There:
    """A desk, and a person who is logged in to it."""

    def __init__(self, desk: Daemon, env: dict[str, str]) -> None:
        self.desk = desk
        self.env = env

    def log_in(self, *more: str) -> None:
        address, fingerprint = self.desk.address, self.desk.fingerprint
        words = ("login", address, "--fingerprint", fingerprint, "--password-stdin", *more)
        done = run(*words, env=self.env, given=f"{self.desk.owner_password}\n")
        assert done.returncode == 0, done.stderr

    def change_password(self) -> None:
        self.desk.secrets.add(NEW)
        words = ("users", "passwd", "owner", "--password-stdin")
        assert self.desk.run(*words, given=f"{NEW}\n").returncode == 0

    def end_logins(self) -> None:
        for each in json.loads(self.desk.run("logins", "--json").stdout):
            assert self.desk.run("logins", "--end", each["id"]).returncode == 0


@pytest.fixture
def there(tmp_path: Path) -> Iterator[There]:
    with Daemon(settings={"stats_interval": 0.2}) as desk:
        there = There(desk, environment(tmp_path, (), {}, {}))
        there.log_in()
        yield there


def test_watch_at_a_terminal_asks_once_and_continues_after_a_new_password(there: There) -> None:
    with Terminal(WATCH, there.env) as terminal:
        terminal.wait_for(LIVE)
        there.change_password()
        terminal.wait_for("the desk ended this login; the name or the password is wrong")
        terminal.answer(ASKED, NEW)
        terminal.wait_for(LIVE)
        said = terminal.output
    there.end_logins()
    later = run("play-pause", env=there.env)

    assert NEW not in said
    assert there.desk.log.count(REFUSED) == 1
    assert later.returncode == 8, "the new password is kept: no player is all that is missing"


def test_watch_ends_after_three_wrong_passwords(there: There) -> None:
    with Terminal(WATCH, there.env) as terminal:
        terminal.wait_for(LIVE)
        there.change_password()
        for each in ("one", "two", "three"):
            terminal.answer(ASKED, each)
        code = terminal.wait()

    assert code == 5
    assert ASKED not in terminal.output
    assert there.desk.owner_password in kept(there.env)


def test_ctrl_c_at_the_password_prompt_ends_watch(there: There) -> None:
    with Terminal(WATCH, there.env) as terminal:
        terminal.wait_for(LIVE)
        there.change_password()
        terminal.wait_for(ASKED)
        terminal.press("\x03")

        assert terminal.wait() == 130


def test_watch_without_a_saved_password_asks_when_the_login_ends(there: There) -> None:
    there.log_in("--forget-password")
    with Terminal(WATCH, there.env) as terminal:
        terminal.wait_for(LIVE)
        there.end_logins()
        terminal.answer(ASKED, there.desk.owner_password)
        terminal.wait_for(LIVE)

    assert there.desk.owner_password not in kept(there.env)
    assert REFUSED not in there.desk.log


def test_watch_without_a_terminal_ends_after_a_new_password(there: There) -> None:
    with subprocess.Popen(
        WATCH,
        env=there.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watch:
        assert watch.stdout is not None
        watch.stdout.readline()
        there.change_password()
        _, stderr = watch.communicate(timeout=30)

    assert watch.returncode == 5
    assert stderr == (
        "deskwire: the name or the password is wrong;"
        " run `deskwire login HOST` to enter another password\n"
    )
    assert there.desk.log.count(REFUSED) == 1


def test_top_asks_for_the_new_password_in_its_last_lines(there: There) -> None:
    with Tmux([PROGRAM, "top"], there.env) as top:
        top.wait_for("● live")
        there.change_password()
        asked = top.wait_for(f"{ASKED}: ")
        top.press("q")
        wrong = top.wait_for(f"{ASKED}: •")
        top.press("Enter")
        until(lambda: there.desk.log.count(REFUSED) == 2, what="the wrong one was tried")
        top.wait_for(f"{ASKED}: ▏")
        top.press(*(key if key != " " else "Space" for key in NEW))
        typed = top.wait_for("•" * len(NEW))
        top.press("Enter")
        live = top.wait_for("● live")
        top.press("q")

        assert top.wait() == 0
    assert "● ended: the name or the password is wrong" in asked
    assert "esc cancel" in asked
    assert "CPU" in asked
    assert NEW not in wrong + typed
    assert ASKED not in live
    assert there.desk.log.count(REFUSED) == 2
    assert NEW in kept(there.env)


def test_top_says_why_it_ends_after_a_cancelled_password_prompt(there: There) -> None:
    with Tmux([PROGRAM, "top"], there.env) as top:
        top.wait_for("● live")
        there.change_password()
        top.wait_for(ASKED)
        top.press("Escape")
        until(lambda: "q quit" in (screen := top.screen) and ASKED not in screen)
        top.press("q")

        assert top.wait() == 5
        assert "run `deskwire login HOST` to enter another password" in " ".join(top.screen.split())


def kept(env: dict[str, str]) -> str:
    """Return what is kept of desks."""
    file = Path(env["HOME"]) / ".local/state/deskwire/client/desks.json"
    return file.read_text(encoding="utf-8")
