"""Every program and every shell line of the how-to runs as it is printed."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.buses import PrivateBus
from tests.support.desk import PROGRAM, Desk, environment, run
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[2]
HOWTO = ROOT / "docs" / "howto"
API = ROOT / "tests" / "typing" / "client_api.py"


class There(NamedTuple):
    """A desk with one player, and the environment the programs are run in."""

    desk: Desk
    player: Mpv
    env: dict[str, str]
    folder: Path


@pytest.fixture(scope="module")
def there(
    bus: PrivateBus, media: Media, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[There]:
    folder = tmp_path_factory.mktemp("person")
    with (
        Mpv(bus, [media.first.file, media.second.file]) as player,
        Desk(buses=[bus]) as desk,
    ):
        env = {
            **environment(folder, (), {}, {}),
            "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}",
            "DESK": desk.address,
            "DESK_FINGERPRINT": desk.fingerprint,
            "DESK_PASSWORD": desk.owner_password,
        }
        words = ("login", desk.address, "--fingerprint", desk.fingerprint, "--password-stdin")
        assert run(*words, env=env, given=desk.owner_password + "\n").returncode == 0
        yield There(desk, player, env, folder)


def blocks(file: str, language: str) -> list[str]:
    """Return a page's blocks of one language."""
    text = (HOWTO / file).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


PROGRAMS = blocks("from-python.md", "python")
WHAT_PLAYS, PAUSE_ALL, ASK = PROGRAMS


def test_what_plays_is_printed_when_it_changes(there: There) -> None:
    with Terminal([sys.executable, "-c", WHAT_PLAYS], there.env) as terminal:
        terminal.see("The Reason\n")
        there.player.set("pause", True)
        terminal.see("silence\n")
        there.player.set("pause", False)
        terminal.see("silence\nThe Reason\n")


def test_everything_is_paused_and_the_covers_are_saved(there: There, media: Media) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PAUSE_ALL],
        cwd=there.folder,
        env=there.env,
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "paused The Reason\n"
    there.player.wait_for("pause", True)
    there.player.set("pause", False)
    assert (there.folder / "player1").read_bytes() == media.cover_bytes


def test_the_password_is_asked_for_again(there: There) -> None:
    with Terminal([sys.executable, "-c", ASK], there.env) as terminal:
        terminal.see("connecting")
        terminal.answer("Password:", "a wrong one")
        terminal.see("wrong")
        terminal.answer("Password:", there.desk.owner_password)
        terminal.see("live")


@pytest.mark.parametrize("line", blocks("from-the-command-line.md", "sh"))
def test_every_line_of_the_command_line_page_runs(there: There, line: str) -> None:
    with subprocess.Popen(
        ["sh", "-ec", line],
        cwd=there.folder,
        env=there.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        assert shell.stdout is not None
        first = shell.stdout.readline()
        if "watch" in line:
            os.killpg(shell.pid, signal.SIGINT)
        _, stderr = shell.communicate(timeout=15)

    assert first != "", stderr
    assert stderr == ""
    assert shell.returncode in ((0, 130, -signal.SIGINT) if "watch" in line else (0,))


def test_a_stranger_who_checks_types_agrees(tmp_path: Path) -> None:
    api = tmp_path / API.name
    api.write_bytes(API.read_bytes())
    programs = [tmp_path / f"program{number}.py" for number in range(len(PROGRAMS))]
    for file, program in zip(programs, PROGRAMS, strict=True):
        file.write_text(program, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--scripts-are-modules", api, *programs],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout
