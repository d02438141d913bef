"""`login`, `watch`, the taps and `art`, typed against a real daemon with real players."""

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


class There(NamedTuple):
    """A desk with two players, and a person who is logged in to it."""

    desk: Daemon
    playing: Mpv
    paused: Mpv
    env: dict[str, str]

    def type(self, *words: str, given: str = "") -> Done:
        """Run a command."""
        return run(*words, env=self.env, given=given)


@pytest.fixture(scope="module")
def there(
    bus: PrivateBus, media: Media, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[There]:
    env = environment(tmp_path_factory.mktemp("person"), (), {}, {})
    with (
        Mpv(bus, [media.first.file, media.second.file]) as playing,
        Mpv(bus, [media.second.file], paused=True) as paused,
        Daemon(buses=[bus], settings={"stats_interval": 0.5}) as desk,
    ):
        there = There(desk, playing, paused, env)
        done = log_in(there, "--fingerprint", desk.fingerprint)
        assert done.returncode == 0, done.stderr
        yield there


def log_in(there: There, *more: str, env: dict[str, str] | None = None) -> Done:
    return run(
        *("login", there.desk.address, "--password-stdin", *more),
        env=env or there.env,
        given=there.desk.owner_password + "\n",
    )


@pytest.fixture
def stranger(tmp_path: Path) -> dict[str, str]:
    """Lend the environment of somebody who is not logged in to anything."""
    return environment(tmp_path, (), {}, {})


def kept_file(env: dict[str, str]) -> Path:
    return Path(env["HOME"]) / ".local/state/deskwire/client/desks.json"


def fetch(env: dict[str, str]) -> Done:
    """Run a short command that needs to be logged in."""
    return run("art", "player1", "-o", f"{env['HOME']}/picture", env=env)


def watching(there: There, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [PROGRAM, "watch", *words],
        env=there.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# ---- logging in ----------------------------------------------------------------------------------


def test_credential_file_is_private_to_its_owner(there: There) -> None:
    file = kept_file(there.env)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_unknown_certificate_is_shown_and_not_trusted(
    there: There, stranger: dict[str, str]
) -> None:
    done = log_in(there, env=stranger)

    assert done.returncode == 7
    assert there.desk.fingerprint in done.stderr.replace(":", "").lower()
    assert not kept_file(stranger).exists()


def test_login_at_a_terminal_asks_for_the_fingerprint_and_the_password(
    there: There, stranger: dict[str, str]
) -> None:
    with Terminal([PROGRAM, "login", there.desk.address], stranger) as terminal:
        terminal.wait_for("no known authority signs")
        shown = terminal.output
        terminal.answer("Did its daemon print this", "y")
        terminal.answer("Password for owner", "a wrong one")
        terminal.wait_for("wrong")
        terminal.answer("Password for owner", there.desk.owner_password)
        code = terminal.wait()

    assert there.desk.fingerprint in shown.replace(":", "").lower()
    assert code == 0, terminal.output
    assert there.desk.owner_password not in terminal.output
    assert fetch(stranger).returncode == 0


def test_rejected_fingerprint_is_not_trusted(there: There, stranger: dict[str, str]) -> None:
    with Terminal([PROGRAM, "login", there.desk.address], stranger) as terminal:
        terminal.answer("Did its daemon print this", "n")
        code = terminal.wait()

    assert code == 7
    assert not kept_file(stranger).exists()


def test_changed_certificate_is_refused_with_its_fingerprint(
    there: There, stranger: dict[str, str]
) -> None:
    log_in(there, "--fingerprint", there.desk.fingerprint, env=stranger)
    file = kept_file(stranger)
    other = "ab" * 32
    file.write_text(
        file.read_text(encoding="utf-8").replace(there.desk.fingerprint, other), encoding="utf-8"
    )

    done = [run("play-pause", env=stranger), log_in(there, env=stranger)]

    for each in done:
        assert each.returncode == 7
        assert "the certificate is not the pinned one" in each.stderr
        assert "another machine answers in its place" in each.stderr
        assert there.desk.fingerprint in each.stderr.replace(":", "").lower()


def test_login_with_a_wrong_password_fails_with_code_5(
    there: There, stranger: dict[str, str]
) -> None:
    done = run(
        *("login", there.desk.address, "--password-stdin", "--fingerprint", there.desk.fingerprint),
        env=stranger,
        given="a wrong one\n",
    )

    assert done.returncode == 5
    assert done.stderr.startswith("deskwire: ")
    assert not kept_file(stranger).exists()


def test_watch_without_a_login_names_the_login_command(stranger: dict[str, str]) -> None:
    done = run("watch", env=stranger)

    assert done.returncode == 5
    assert done.stderr == "deskwire: not logged in to any desk; run `deskwire login HOST`\n"


def test_unreachable_desk_fails_with_code_6(stranger: dict[str, str]) -> None:
    done = run("login", "127.0.0.1:9", "--password-stdin", env=stranger, given="x\n")

    assert done.returncode == 6
    assert done.stderr == (
        "deskwire: https://127.0.0.1:9: Connection refused"
        "; check that deskwire runs there and that this is its address\n"
    )


def test_ended_login_is_renewed_with_the_saved_password(
    there: There, stranger: dict[str, str]
) -> None:
    log_in(there, "--fingerprint", there.desk.fingerprint, env=stranger)
    before = json.loads(kept_file(stranger).read_bytes())
    end_all_logins(there)

    done = fetch(stranger)

    assert done.returncode == 0, done.stderr
    after = json.loads(kept_file(stranger).read_bytes())
    assert token(after) != token(before)


def test_ended_login_without_a_saved_password_fails_with_code_5(
    there: There, stranger: dict[str, str]
) -> None:
    log_in(there, "--fingerprint", there.desk.fingerprint, "--forget-password", env=stranger)
    assert there.desk.owner_password not in kept_file(stranger).read_text(encoding="utf-8")
    assert fetch(stranger).returncode == 0
    end_all_logins(there)

    assert fetch(stranger).returncode == 5


def test_logout_ends_the_login_and_forgets_the_desk(there: There, stranger: dict[str, str]) -> None:
    log_in(there, "--fingerprint", there.desk.fingerprint, env=stranger)
    before = count_logins(there)

    done = run("logout", env=stranger)

    assert done.returncode == 0, done.stderr
    assert count_logins(there) == before - 1
    assert run("watch", env=stranger).returncode == 5


# ---- watching ------------------------------------------------------------------------------------


def test_watch_prints_the_state_and_then_each_change(there: There) -> None:
    with watching(there, "--fields", "players") as watch:
        assert watch.stdout is not None
        first = watch.stdout.readline()
        there.paused.set("pause", False)
        second = watch.stdout.readline()
        there.paused.set("pause", True)
        third = watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        _, stderr = watch.communicate(timeout=10)

    assert "player1 mpv: plays Hoobastank - The Reason (Fallen)" in first
    assert "player2 mpv: pauses Evanescence - Going Under" in first
    assert "player2 mpv: plays Evanescence" in second
    assert "player2 mpv: pauses Evanescence" in third
    assert (watch.returncode, stderr) == (130, "")


def test_watch_json_prints_one_object_per_line(there: There) -> None:
    with watching(there, "--json") as watch:
        assert watch.stdout is not None
        objects = [json.loads(watch.stdout.readline()) for _ in range(3)]
        watch.terminate()
        _, stderr = watch.communicate(timeout=10)

    assert all({"memory_bytes", "cpu_absolute", "audio"} <= set(each) for each in objects)
    assert objects[0] != objects[1] != objects[2]
    assert (watch.returncode, stderr) == (143, "")


def test_watch_prints_only_the_selected_fields(there: There) -> None:
    done = shell(there, "deskwire watch --json --fields uptime,cpu_absolute | head -n 2")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [set(line) for line in lines] == [{"uptime", "cpu_absolute"}] * 2


def test_watch_ends_quietly_when_its_pipe_is_closed(there: There) -> None:
    before = there.desk.log.count("close=1000")
    changing = shell(there, "deskwire watch --json | head -n 1")
    still = shell(there, "deskwire watch --fields disk | head -n 1")

    for done in (changing, still):
        assert done.returncode == 0
        assert done.stdout.count("\n") == 1
        assert done.stderr == ""
    until(lambda: there.desk.log.count("close=1000") == before + 2)


def test_unknown_field_suggests_a_similar_one(there: There) -> None:
    done = there.type("watch", "--fields", "volum")

    assert done.returncode == 2
    assert "volume" in done.stderr


# ---- taps ----------------------------------------------------------------------------------------


def test_command_without_a_player_goes_to_the_playing_one(there: There) -> None:
    done = there.type("play-pause")
    there.playing.wait_for("pause", True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("player1 mpv: pauses Hoobastank - The Reason")
    again = there.type("play-pause", "player1")
    there.playing.wait_for("pause", False)
    assert again.stdout.startswith("player1 mpv: plays Hoobastank")


def test_next_and_previous_move_the_named_player(there: There) -> None:
    forward = there.type("next", "player1")
    there.playing.wait_for("playlist-pos", 1)
    back = there.type("previous", "player1")
    there.playing.wait_for("playlist-pos", 0)

    for done in (forward, back):
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("player1 mpv: plays ")


def test_unknown_player_is_refused_with_a_list_of_players(there: There) -> None:
    done = there.type("stop", "vlc")

    assert done.returncode == 8
    assert done.stderr == (
        "deskwire: no player matches 'vlc'; players of the desk:\n  player1  mpv\n  player2  mpv\n"
    )


def test_ambiguous_player_name_is_refused(there: There) -> None:
    done = there.type("stop", "mpv")

    assert done.returncode == 8
    assert "' is ambiguous" in done.stderr
    assert there.playing.get("pause") is False


# ---- pictures ------------------------------------------------------------------------------------


def test_cover_is_written_to_a_file(there: There, media: Media, tmp_path: Path) -> None:
    file = tmp_path / "cover.jpg"
    done = there.type("art", "player1", "-o", str(file))

    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == media.cover_bytes
    assert done.stdout.startswith(f"{file}: image/jpeg, ")


def test_cover_is_written_to_standard_output(there: There, media: Media) -> None:
    done = subprocess.run(
        [PROGRAM, "art", "player1", "-o", "-"],
        env=there.env,
        capture_output=True,
        timeout=15,
        check=True,
    )

    assert done.stdout == media.cover_bytes


def test_unwritable_cover_file_is_named(there: There, tmp_path: Path) -> None:
    done = there.type("art", "player1", "-o", str(tmp_path / "nowhere" / "cover.jpg"))

    assert done.returncode == 1
    assert "cover.jpg" in done.stderr


def shell(there: There, line: str) -> Done:
    """Run a line of a shell."""
    path = f"{PROGRAM.parent}:{there.env['PATH']}"
    return subprocess.run(
        ["sh", "-c", line],
        env={**there.env, "PATH": path},
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )


def login_ids(there: There) -> list[str]:
    listed = json.loads(there.desk.run("logins", "--json").stdout)
    return [each["id"] for each in listed]


def count_logins(there: There) -> int:
    return len(login_ids(there))


def end_all_logins(there: There) -> None:
    for each in login_ids(there):
        assert there.desk.run("logins", "--end", each).returncode == 0


def token(kept: dict[str, dict[str, dict[str, dict[str, dict[str, str]]]]]) -> str:
    (desk,) = kept["desks"].values()
    return desk["secret"]["login"]["token"]
