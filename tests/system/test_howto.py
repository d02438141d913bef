"""Programs and shell lines of the tutorial and the how-to guides, run as printed."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.buses import PrivateBus
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.programs import PROGRAM, Daemon, environment, run
from tests.support.terminals import Terminal

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
API = ROOT / "tests" / "typing" / "client_api.py"


class Setup(NamedTuple):
    """A desk with one player, and the environment of the programs."""

    daemon: Daemon
    player: Mpv
    env: dict[str, str]
    folder: Path


@pytest.fixture(scope="module")
def setup(
    bus: PrivateBus, media: Media, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Setup]:
    folder = tmp_path_factory.mktemp("person")
    with (
        Mpv(bus, [media.first.file, media.second.file]) as player,
        Daemon(buses=[bus]) as daemon,
    ):
        env = {
            **environment(folder, (), {}, {}),
            "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}",
            "DESK": daemon.address,
            "DESK_FINGERPRINT": daemon.fingerprint,
            "DESK_PASSWORD": daemon.owner_password,
        }
        words = ("login", daemon.address, "--fingerprint", daemon.fingerprint, "--password-stdin")
        assert run(*words, env=env, given=daemon.owner_password + "\n").returncode == 0
        yield Setup(daemon, player, env, folder)


def blocks(file: str, language: str) -> list[str]:
    """Return the code blocks of a page in one language."""
    text = (DOCS / file).read_text(encoding="utf-8")
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in found]


TUTORIAL = blocks("tutorial/README.md", "python")
PROGRAMS = [*blocks("howto/from-python.md", "python"), *TUTORIAL]
PRINT_TITLES, PRINT_STATUS, PAUSE_ALL, ASK, PAUSE_ONE = PROGRAMS


def test_program_prints_the_titles_when_they_change(setup: Setup) -> None:
    with Terminal([sys.executable, "-c", PRINT_TITLES], setup.env) as terminal:
        terminal.wait_for("The Reason\n")
        setup.player.set("pause", True)
        terminal.wait_for("silence\n")
        setup.player.set("pause", False)
        terminal.wait_for("silence\nThe Reason\n")


def test_program_prints_the_status_when_it_changes(setup: Setup) -> None:
    with Terminal([sys.executable, "-c", PRINT_STATUS], setup.env) as terminal:
        terminal.wait_for("playing\n")
        setup.player.set("pause", True)
        terminal.wait_for("paused\n")
        setup.player.set("pause", False)
        terminal.wait_for("paused\nplaying\n")


def test_program_pauses_all_players_and_saves_the_covers(setup: Setup, media: Media) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PAUSE_ALL],
        cwd=setup.folder,
        env=setup.env,
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "paused The Reason\n"
    setup.player.wait_for("pause", True)
    setup.player.set("pause", False)
    assert (setup.folder / "player1").read_bytes() == media.cover_bytes


def test_program_asks_again_after_a_wrong_password(setup: Setup) -> None:
    with Terminal([sys.executable, "-c", ASK], setup.env) as terminal:
        terminal.wait_for("connecting")
        terminal.answer("Password:", "a wrong one")
        terminal.wait_for("wrong")
        terminal.answer("Password:", setup.daemon.owner_password)
        terminal.wait_for("live")


def test_tutorial_program_pauses_a_player_for_two_seconds(setup: Setup) -> None:
    with Terminal([sys.executable, "-c", PAUSE_ONE], setup.env) as terminal:
        terminal.wait_for("paused The Reason\n")
        setup.player.wait_for("pause", True)
        terminal.wait_for("playing The Reason\n")
        setup.player.wait_for("pause", False)


@pytest.mark.parametrize("line", blocks("howto/from-the-command-line.md", "sh"))
def test_shell_block_of_the_command_line_page_runs(setup: Setup, line: str) -> None:
    with subprocess.Popen(
        ["sh", "-ec", line],
        cwd=setup.folder,
        env=setup.env,
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


def test_type_checker_accepts_the_documented_programs(tmp_path: Path) -> None:
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
