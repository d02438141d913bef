"""Password change while a command is connected: at a terminal, the command asks for it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import PROGRAM, Daemon, environment, log_in, run
from tests.support.terminals import Terminal, Tmux
from tests.support.waiting import until

NEW = "quick brown fox"
WATCH = (PROGRAM, "watch", "--json", "--fields", "uptime")
PROMPT = "Password for owner"
REFUSED = "login refused"
LIVE = '{"uptime":'


class Setup:
    """A daemon, and the environment of a logged-in user."""

    def __init__(self, daemon: Daemon, env: dict[str, str]) -> None:
        self.daemon = daemon
        self.env = env

    def log_in(self, *more: str) -> None:
        log_in(self.daemon, self.env, *more)

    def change_password(self) -> None:
        self.daemon.secrets.add(NEW)
        words = ("users", "passwd", "owner", "--password-stdin")
        assert self.daemon.run(*words, given=f"{NEW}\n").returncode == 0

    def end_logins(self) -> None:
        for each in json.loads(self.daemon.run("logins", "--json").stdout):
            assert self.daemon.run("logins", "--end", each["id"]).returncode == 0


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    with Daemon(settings={"stats_interval": 0.2}) as daemon:
        setup = Setup(daemon, environment(tmp_path))
        setup.log_in()
        yield setup


def test_watch_at_a_terminal_asks_once_and_continues_after_a_new_password(setup: Setup) -> None:
    with Terminal(WATCH, setup.env) as terminal:
        terminal.wait_for(LIVE)
        setup.change_password()
        terminal.wait_for("the desk ended this login; the name or the password is wrong")
        terminal.answer(PROMPT, NEW)
        terminal.wait_for(LIVE)
        output = terminal.output
    setup.end_logins()
    later = run("play-pause", env=setup.env)

    assert NEW not in output
    assert setup.daemon.log.count(REFUSED) == 1
    assert later.returncode == 8, "it logs in with the saved new password, and finds no player"


def test_watch_ends_after_three_wrong_passwords(setup: Setup) -> None:
    with Terminal(WATCH, setup.env) as terminal:
        terminal.wait_for(LIVE)
        setup.change_password()
        for each in ("one", "two", "three"):
            terminal.answer(PROMPT, each)
        code = terminal.wait()

    assert code == 5
    assert PROMPT not in terminal.output
    assert setup.daemon.owner_password in saved_credentials(setup.env)


def test_ctrl_c_at_the_password_prompt_ends_watch(setup: Setup) -> None:
    with Terminal(WATCH, setup.env) as terminal:
        terminal.wait_for(LIVE)
        setup.change_password()
        terminal.wait_for(PROMPT)
        terminal.press("\x03")

        assert terminal.wait() == 130


def test_watch_without_a_saved_password_asks_when_the_login_ends(setup: Setup) -> None:
    setup.log_in("--forget-password")
    with Terminal(WATCH, setup.env) as terminal:
        terminal.wait_for(LIVE)
        setup.end_logins()
        terminal.answer(PROMPT, setup.daemon.owner_password)
        terminal.wait_for(LIVE)

    assert setup.daemon.owner_password not in saved_credentials(setup.env)
    assert REFUSED not in setup.daemon.log


def test_watch_without_a_terminal_ends_after_a_new_password(setup: Setup) -> None:
    with subprocess.Popen(
        WATCH,
        env=setup.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watch:
        assert watch.stdout is not None
        watch.stdout.readline()
        setup.change_password()
        _, stderr = watch.communicate(timeout=30)

    assert watch.returncode == 5
    assert stderr == (
        "deskwire: the name or the password is wrong;"
        " run `deskwire login HOST` to enter another password\n"
    )
    assert setup.daemon.log.count(REFUSED) == 1


def test_top_asks_for_the_new_password_in_its_last_lines(setup: Setup) -> None:
    with Tmux([PROGRAM, "top"], setup.env) as top:
        top.wait_for("● live")
        setup.change_password()
        prompt = top.wait_for(f"{PROMPT}: ")
        top.press("q")
        wrong = top.wait_for(f"{PROMPT}: •")
        top.press("Enter")
        until(lambda: setup.daemon.log.count(REFUSED) == 2, what="the wrong password was tried")
        top.wait_for(f"{PROMPT}: ▏")
        top.press(*(key if key != " " else "Space" for key in NEW))
        typed = top.wait_for("•" * len(NEW))
        top.press("Enter")
        live = top.wait_for("● live")
        top.press("q")

        assert top.wait() == 0
    assert "● ended: the name or the password is wrong" in prompt
    assert "esc cancel" in prompt
    assert "CPU" in prompt
    assert NEW not in wrong + typed
    assert PROMPT not in live
    assert setup.daemon.log.count(REFUSED) == 2
    assert NEW in saved_credentials(setup.env)


def test_top_names_its_reason_after_a_cancelled_password_prompt(setup: Setup) -> None:
    with Tmux([PROGRAM, "top"], setup.env) as top:
        top.wait_for("● live")
        setup.change_password()
        top.wait_for(PROMPT)
        top.press("Escape")
        until(lambda: "q quit" in (screen := top.screen) and PROMPT not in screen)
        top.press("q")

        assert top.wait() == 5
        assert "run `deskwire login HOST` to enter another password" in " ".join(top.screen.split())


def saved_credentials(env: dict[str, str]) -> str:
    file = Path(env["HOME"]) / ".local/state/deskwire/client/desks.json"
    return file.read_text(encoding="utf-8")
