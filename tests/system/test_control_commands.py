"""`volume`, `seek`, `get` and `command` with a real daemon, sound server and player."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.buses import PrivateBus
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.programs import Daemon, environment, run
from tests.support.sound_servers import Pulse
from tests.support.waiting import until


class Setup(NamedTuple):
    """A daemon with a sound server and a player, and the environment of a logged-in user."""

    pulse: Pulse
    mpv: Mpv
    env: dict[str, str]

    def run(self, *words: str) -> str:
        """Run a command as the user and return its output."""
        done = run(*words, env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *words: str) -> tuple[int, str]:
        """Run a command that fails; return its exit code and its one line."""
        done = run(*words, env=self.env)
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        return done.returncode, line.removeprefix("deskwire: ")

    def level(self) -> str:
        return self.pulse.pactl("get-sink-volume", "@DEFAULT_SINK@")


@pytest.fixture(scope="module")
def setup(
    bus: PrivateBus, media: Media, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Setup]:
    env = environment(tmp_path_factory.mktemp("home"))
    with (
        Pulse() as pulse,
        Mpv(bus, [media.first.file]) as mpv,
        Daemon(buses=[bus], env={"PULSE_SERVER": pulse.address}) as daemon,
    ):
        words = ("login", daemon.address, "--password-stdin", "--fingerprint", daemon.fingerprint)
        done = run(*words, env=env, given=daemon.owner_password + "\n")
        assert done.returncode == 0, done.stderr
        yield Setup(pulse, mpv, env)


def test_volume_is_set_changed_and_muted(setup: Setup) -> None:
    assert setup.run("volume", "40") == "40 %\n"
    assert setup.run("volume", "+5") == "45 %\n"
    assert setup.run("volume", "-15") == "30 %\n"
    assert "30%" in setup.level()
    assert setup.run("volume", "mute") == "30 %, muted\n"
    assert setup.run("volume", "toggle") == "30 %\n"
    assert setup.run("volume") == "30 %\n"


def test_seek_goes_to_a_position_and_by_a_distance(setup: Setup) -> None:
    assert setup.run("seek", "1:40") == "player1: seek to 1:40\n"
    until(lambda: 99 < setup.mpv.get("time-pos") < 106)
    assert setup.run("seek", "-30", "mpv") == "player1: seek by -30\n"
    until(lambda: 69 < setup.mpv.get("time-pos") < 80)


def test_readings_are_printed_as_json(setup: Setup) -> None:
    chosen = json.loads(setup.run("get", "players", "memory"))
    everything = json.loads(setup.run("get"))

    assert chosen.keys() == {"players", "memory"}
    assert chosen["players"][0]["title"] == "The Reason"
    assert everything.keys() > {"cpu", "volume", "uptime"}


def test_any_command_is_sent_with_typed_arguments(setup: Setup) -> None:
    setup.run("command", "players.loop", "player=player1", "mode=track")
    until(lambda: setup.mpv.get("loop-file") not in {None, False, "no"})
    setup.run("command", "players.rate", "player=player1", "rate=1.5")
    until(lambda: setup.mpv.get("speed") == 1.5)


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("volume", "loud"), 2, "expected a level (40), a step (+5, -5), mute"),
        (("seek", "soon"), 2, "expected a position (90, 1:30) or a distance"),
        (("get", "moon"), 2, "unknown topic: moon"),
        (("command", "players.explode"), 2, "unknown command"),
        (("command", "volume.set", "level=loud"), 2, "volume.set: Expected `float`"),
        (("command", "volume.set", "level"), 2, "expected KEY=VALUE, found 'level'"),
        (("command", "players.next", "player=player9"), 8, "unknown player: player9"),
    ],
)
def test_wrong_use_is_one_line_with_its_exit_code(
    setup: Setup, words: tuple[str, ...], code: int, why: str
) -> None:
    found, line = setup.refused(*words)

    assert (found, line[: len(why)]) == (code, why)
