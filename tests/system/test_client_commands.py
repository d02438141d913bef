"""Client commands (`login`, `watch`, `next`, `art` …) with a real daemon and real players."""

import json
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.buses import PrivateBus
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.programs import PROGRAM, Daemon, environment, run
from tests.support.terminals import Terminal
from tests.support.waiting import until

Done = subprocess.CompletedProcess[str]


class Setup(NamedTuple):
    """A daemon with two players, and the environment of a logged-in user."""

    daemon: Daemon
    playing: Mpv
    paused: Mpv
    env: dict[str, str]

    def run(self, *words: str, given: str = "") -> Done:
        """Run a command as the user."""
        return run(*words, env=self.env, given=given)


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
        setup = Setup(daemon, playing, paused, env)
        done = log_in(setup, "--fingerprint", daemon.fingerprint)
        assert done.returncode == 0, done.stderr
        yield setup


def log_in(setup: Setup, *more: str, env: dict[str, str] | None = None) -> Done:
    return run(
        *("login", setup.daemon.address, "--password-stdin", *more),
        env=env or setup.env,
        given=setup.daemon.owner_password + "\n",
    )


@pytest.fixture
def new_user(tmp_path: Path) -> dict[str, str]:
    """Lend the environment of a user who is not logged in."""
    return environment(tmp_path)


def credential_file(env: dict[str, str]) -> Path:
    return Path(env["HOME"]) / ".local/state/deskwire/client/desks.json"


def fetch(env: dict[str, str]) -> Done:
    """Run a short command that needs a login."""
    return run("art", "player1", "-o", f"{env['HOME']}/picture", env=env)


def watching(setup: Setup, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [PROGRAM, "watch", *words],
        env=setup.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# ---- log in --------------------------------------------------------------------------------------


def test_credential_file_is_private_to_its_owner(setup: Setup) -> None:
    file = credential_file(setup.env)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_unknown_certificate_is_shown_and_not_trusted(
    setup: Setup, new_user: dict[str, str]
) -> None:
    done = log_in(setup, env=new_user)

    assert done.returncode == 7
    assert setup.daemon.fingerprint in done.stderr.replace(":", "").lower()
    assert not credential_file(new_user).exists()


def test_login_at_a_terminal_asks_for_the_fingerprint_and_the_password(
    setup: Setup, new_user: dict[str, str]
) -> None:
    with Terminal([PROGRAM, "login", setup.daemon.address], new_user) as terminal:
        terminal.wait_for("no known authority signs")
        output = terminal.output
        terminal.answer("Did its daemon print this", "y")
        terminal.answer("Password for owner", "a wrong one")
        terminal.wait_for("wrong")
        terminal.answer("Password for owner", setup.daemon.owner_password)
        code = terminal.wait()

    assert setup.daemon.fingerprint in output.replace(":", "").lower()
    assert code == 0, terminal.output
    assert setup.daemon.owner_password not in terminal.output
    assert fetch(new_user).returncode == 0


def test_rejected_fingerprint_is_not_trusted(setup: Setup, new_user: dict[str, str]) -> None:
    with Terminal([PROGRAM, "login", setup.daemon.address], new_user) as terminal:
        terminal.answer("Did its daemon print this", "n")
        code = terminal.wait()

    assert code == 7
    assert not credential_file(new_user).exists()


def test_changed_certificate_is_refused_with_its_fingerprint(
    setup: Setup, new_user: dict[str, str]
) -> None:
    log_in(setup, "--fingerprint", setup.daemon.fingerprint, env=new_user)
    file = credential_file(new_user)
    other = "ab" * 32
    file.write_text(
        file.read_text(encoding="utf-8").replace(setup.daemon.fingerprint, other), encoding="utf-8"
    )

    done = [run("play-pause", env=new_user), log_in(setup, env=new_user)]

    for each in done:
        assert each.returncode == 7
        assert "the certificate is not the pinned one" in each.stderr
        assert "another machine answers in its place" in each.stderr
        assert setup.daemon.fingerprint in each.stderr.replace(":", "").lower()


def test_login_with_a_wrong_password_fails_with_code_5(
    setup: Setup, new_user: dict[str, str]
) -> None:
    done = run(
        *(
            "login",
            setup.daemon.address,
            "--password-stdin",
            "--fingerprint",
            setup.daemon.fingerprint,
        ),
        env=new_user,
        given="a wrong one\n",
    )

    assert done.returncode == 5
    assert done.stderr.startswith("deskwire: ")
    assert not credential_file(new_user).exists()


def test_watch_without_a_login_names_the_login_command(new_user: dict[str, str]) -> None:
    done = run("watch", env=new_user)

    assert done.returncode == 5
    assert done.stderr == "deskwire: not logged in to any desk; run `deskwire login HOST`\n"


def test_unreachable_desk_fails_with_code_6(new_user: dict[str, str]) -> None:
    done = run("login", "127.0.0.1:9", "--password-stdin", env=new_user, given="x\n")

    assert done.returncode == 6
    assert done.stderr == (
        "deskwire: https://127.0.0.1:9: Connection refused"
        "; check that deskwire runs there and that this is its address\n"
    )


def test_ended_login_is_renewed_with_the_saved_password(
    setup: Setup, new_user: dict[str, str]
) -> None:
    log_in(setup, "--fingerprint", setup.daemon.fingerprint, env=new_user)
    before = json.loads(credential_file(new_user).read_bytes())
    end_all_logins(setup)

    done = fetch(new_user)

    assert done.returncode == 0, done.stderr
    after = json.loads(credential_file(new_user).read_bytes())
    assert token(after) != token(before)


def test_ended_login_without_a_saved_password_fails_with_code_5(
    setup: Setup, new_user: dict[str, str]
) -> None:
    log_in(setup, "--fingerprint", setup.daemon.fingerprint, "--forget-password", env=new_user)
    assert setup.daemon.owner_password not in credential_file(new_user).read_text(encoding="utf-8")
    assert fetch(new_user).returncode == 0
    end_all_logins(setup)

    assert fetch(new_user).returncode == 5


def test_logout_ends_the_login_and_forgets_the_desk(setup: Setup, new_user: dict[str, str]) -> None:
    log_in(setup, "--fingerprint", setup.daemon.fingerprint, env=new_user)
    before = count_logins(setup)

    done = run("logout", env=new_user)

    assert done.returncode == 0, done.stderr
    assert count_logins(setup) == before - 1
    assert run("watch", env=new_user).returncode == 5


# ---- watch ---------------------------------------------------------------------------------------


def test_watch_prints_the_state_and_then_each_change(setup: Setup) -> None:
    with watching(setup, "--fields", "players") as watch:
        assert watch.stdout is not None
        first = watch.stdout.readline()
        setup.paused.set("pause", False)
        second = watch.stdout.readline()
        setup.paused.set("pause", True)
        third = watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        _, stderr = watch.communicate(timeout=10)

    assert "player1 mpv, playing: Hoobastank - The Reason (Fallen)" in first
    assert "player2 mpv, paused: Evanescence - Going Under" in first
    assert "player2 mpv, playing: Evanescence" in second
    assert "player2 mpv, paused: Evanescence" in third
    assert (watch.returncode, stderr) == (130, "")


def test_watch_json_prints_one_object_per_line(setup: Setup) -> None:
    with watching(setup, "--json") as watch:
        assert watch.stdout is not None
        objects = [json.loads(watch.stdout.readline()) for _ in range(3)]
        watch.terminate()
        _, stderr = watch.communicate(timeout=10)

    assert all({"memory_bytes", "cpu_absolute", "audio"} <= set(each) for each in objects)
    assert objects[0] != objects[1] != objects[2]
    assert (watch.returncode, stderr) == (143, "")


def test_watch_prints_only_the_selected_fields(setup: Setup) -> None:
    done = shell(setup, "deskwire watch --json --fields uptime,cpu_absolute | head -n 2")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [set(line) for line in lines] == [{"uptime", "cpu_absolute"}] * 2


def test_watch_ends_quietly_when_its_pipe_is_closed(setup: Setup) -> None:
    before = setup.daemon.log.count("close=1000")
    changing = shell(setup, "deskwire watch --json | head -n 1")
    still = shell(setup, "deskwire watch --fields disk | head -n 1")

    for done in (changing, still):
        assert done.returncode == 0
        assert done.stdout.count("\n") == 1
        assert done.stderr == ""
    until(lambda: setup.daemon.log.count("close=1000") == before + 2)


def test_unknown_field_suggests_a_similar_one(setup: Setup) -> None:
    done = setup.run("watch", "--fields", "volum")

    assert done.returncode == 2
    assert "volume" in done.stderr


# ---- player commands -----------------------------------------------------------------------------


def test_command_without_a_player_goes_to_the_playing_one(setup: Setup) -> None:
    done = setup.run("play-pause")
    setup.playing.wait_for("pause", True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("player1 mpv, paused: Hoobastank - The Reason")
    again = setup.run("play-pause", "player1")
    setup.playing.wait_for("pause", False)
    assert again.stdout.startswith("player1 mpv, playing: Hoobastank")


def test_next_and_previous_move_the_named_player(setup: Setup) -> None:
    forward = setup.run("next", "player1")
    setup.playing.wait_for("playlist-pos", 1)
    back = setup.run("previous", "player1")
    setup.playing.wait_for("playlist-pos", 0)

    for done in (forward, back):
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("player1 mpv, playing: ")


def test_unknown_player_is_refused_with_a_list_of_players(setup: Setup) -> None:
    done = setup.run("stop", "vlc")

    assert done.returncode == 8
    assert done.stderr == (
        "deskwire: no player matches 'vlc'; players of the desk:\n  player1  mpv\n  player2  mpv\n"
    )


def test_ambiguous_player_name_is_refused(setup: Setup) -> None:
    done = setup.run("stop", "mpv")

    assert done.returncode == 8
    assert "' is ambiguous" in done.stderr
    assert setup.playing.get("pause") is False


# ---- art -----------------------------------------------------------------------------------------


def test_cover_is_written_to_a_file(setup: Setup, media: Media, tmp_path: Path) -> None:
    file = tmp_path / "cover.jpg"
    done = setup.run("art", "player1", "-o", str(file))

    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == media.cover_bytes
    assert done.stdout.startswith(f"{file}: image/jpeg, ")


def test_cover_is_written_to_standard_output(setup: Setup, media: Media) -> None:
    done = subprocess.run(
        [PROGRAM, "art", "player1", "-o", "-"],
        env=setup.env,
        capture_output=True,
        timeout=15,
        check=True,
    )

    assert done.stdout == media.cover_bytes


def test_unwritable_cover_file_is_named(setup: Setup, tmp_path: Path) -> None:
    done = setup.run("art", "player1", "-o", str(tmp_path / "nowhere" / "cover.jpg"))

    assert done.returncode == 1
    assert "cover.jpg" in done.stderr


def shell(setup: Setup, line: str) -> Done:
    """Run a shell line in which `deskwire` is in PATH."""
    path = f"{PROGRAM.parent}:{setup.env['PATH']}"
    return subprocess.run(
        ["sh", "-c", line],
        env={**setup.env, "PATH": path},
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )


def login_ids(setup: Setup) -> list[str]:
    listed = json.loads(setup.daemon.run("logins", "--json").stdout)
    return [each["id"] for each in listed]


def count_logins(setup: Setup) -> int:
    return len(login_ids(setup))


def end_all_logins(setup: Setup) -> None:
    for each in login_ids(setup):
        assert setup.daemon.run("logins", "--end", each).returncode == 0


def token(saved: dict[str, dict[str, dict[str, dict[str, dict[str, str]]]]]) -> str:
    (desk,) = saved["desks"].values()
    return desk["secret"]["login"]["token"]
