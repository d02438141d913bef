"""`deskwire top` in tmux, with a real daemon and real players."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.buses import PrivateBus
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.programs import PROGRAM, Daemon, environment, log_in, run
from tests.support.terminals import Tmux
from tests.support.waiting import until


class Setup(NamedTuple):
    """A daemon with two players, and the environment of a logged-in user."""

    daemon: Daemon
    playing: Mpv
    paused: Mpv
    env: dict[str, str]

    def top(self, *, columns: int = 80, rows: int = 24) -> Tmux:
        """Start `deskwire top`."""
        return Tmux([PROGRAM, "top"], self.env, columns=columns, rows=rows)


@pytest.fixture(scope="module")
def setup(
    bus: PrivateBus, media: Media, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Setup]:
    env = environment(tmp_path_factory.mktemp("home"))
    with (
        Mpv(bus, [media.first.file, media.second.file]) as playing,
        Mpv(bus, [media.second.file], paused=True) as paused,
        Daemon(buses=[bus], settings={"stats_interval": 0.5}) as daemon,
    ):
        log_in(daemon, env)
        yield Setup(daemon, playing, paused, env)


def test_space_key_pauses_the_player_and_updates_the_view(setup: Setup) -> None:
    with setup.top() as top:
        before = top.wait_for("▶ mpv")
        top.press("Space")
        setup.playing.wait_for("pause", True)
        paused = until(lambda: s if "▶" not in (s := top.screen) else None, what="nothing plays")
        top.press("q")

        assert "The Reason" in before
        assert "Hoobastank" in before
        assert "live · session ends in 19:" in before
        assert paused.count("‖ mpv") == 2
        assert top.wait() == 0


def test_arrow_keys_select_the_player(setup: Setup) -> None:
    with setup.top() as top:
        top.wait_for("q quit")
        top.press("Down", "Space")
        setup.paused.wait_for("pause", False)
        top.press("Up", "n")
        setup.playing.wait_for("playlist-pos", 1)
        top.press("p")
        setup.playing.wait_for("playlist-pos", 0)

        assert "The Reason" in top.wait_for("Hoobastank")


def test_cover_is_drawn_in_half_blocks(setup: Setup) -> None:
    with setup.top() as top:
        top.wait_for("▀▀▀▀▀▀▀▀")
        painted = top.painted

        assert "38;2;" in painted


def test_layout_follows_the_size_of_the_terminal(setup: Setup) -> None:
    with setup.top() as top:
        top.wait_for("q quit")
        top.resize(140, 40)
        wide = until(
            lambda: s if "q quit" in (s := top.screen).splitlines()[-1] else None, what="wide"
        )
        top.resize(50, 12)
        small = until(
            lambda: s if "q quit" in (s := top.screen) and "stop" not in s else None, what="small"
        )

        assert "CPU" in wide.splitlines()[2][90:]
        assert max(map(len, small.splitlines())) <= 50


def test_top_reconnects_after_the_desk_was_killed(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with Daemon(state_dir=tmp_path / "state") as daemon:
        log_in(daemon, env)
        with Tmux([PROGRAM, "top"], env) as top:
            top.wait_for("● live")
            daemon.stop(signal.SIGKILL)
            lost = top.wait_for("connection lost (1006) · reconnecting in")
            port = daemon.address.rsplit(":", 1)[1]
            with Daemon("--port", port, state_dir=tmp_path / "state"):
                returned = top.wait_for("● live")

    assert "CPU" in lost
    assert "reconnected" in returned


def test_top_ends_with_code_5_after_a_cancelled_log_in(setup: Setup, tmp_path: Path) -> None:
    env = environment(tmp_path)
    before = logins(setup.daemon)
    log_in(setup.daemon, env, "--forget-password")
    (login,) = logins(setup.daemon) - before
    with Tmux([PROGRAM, "top"], env) as top:
        top.wait_for("● live")
        setup.daemon.run("logins", "--end", login)
        top.wait_for("Password for owner: ")
        top.press("Escape")
        top.wait_for("q quit")
        top.press("q")

        assert top.wait() == 5
        assert "deskwire: " in top.screen


def logins(daemon: Daemon) -> set[str]:
    return {each["id"] for each in json.loads(daemon.run("logins", "--json").stdout)}


def test_sigterm_restores_the_terminal(setup: Setup) -> None:
    with setup.top() as top:
        top.wait_for("q quit")
        os.kill(top.pid, signal.SIGTERM)

        assert top.wait() == 128 + signal.SIGTERM
        assert "q quit" not in top.screen


def test_top_without_a_terminal_names_watch(setup: Setup) -> None:
    done = run("top", env=setup.env)

    assert done.returncode == 2
    assert done.stderr == "deskwire: top needs a terminal; use `deskwire watch` without one\n"
