"""Commands whose standard streams are closed, full or of another encoding."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.programs import PROGRAM, environment
from tests.support.time_scaling import patiently

SERVE = "serve --host 127.0.0.1 --no-tls --port 0 --state-dir"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path)


def shell(line: str, env: dict[str, str], **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell command line; `deskwire` is the program."""
    return subprocess.run(
        ["bash", "-c", line.replace("deskwire ", f"{PROGRAM} ", 1)],
        env=env | more,
        capture_output=True,
        text=True,
        timeout=patiently(15),
        check=False,
    )


@pytest.mark.parametrize("command", ["snapshot", "doctor --json", "--help", "watch --help"])
@pytest.mark.parametrize(
    ("output", "why"), [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")]
)
def test_output_that_cannot_be_written_is_one_line(
    env: dict[str, str], command: str, output: str, why: str
) -> None:
    done = shell(f"deskwire {command} {output}", env)

    assert done.returncode == 1
    assert done.stderr == f"deskwire: cannot write the output: {why}\n"


def test_closed_error_output_changes_no_exit_code(env: dict[str, str]) -> None:
    assert shell("deskwire --help 2>&-", env).returncode == 0
    assert shell("deskwire logout nowhere 2>&-", env).returncode in {2, 5}


def test_closed_input_is_an_empty_password(env: dict[str, str], tmp_path: Path) -> None:
    done = shell(f"deskwire users add ann --password-stdin --state-dir {tmp_path}/s <&-", env)

    assert done.returncode != 0
    assert done.stderr.startswith("deskwire: the password is shorter than 8 characters")


@pytest.mark.parametrize("encoding", ["iso8859-9", "ascii", "cp1251"])
def test_locale_that_lacks_a_character_gets_a_question_mark(
    env: dict[str, str], encoding: str
) -> None:
    done = subprocess.run(
        [PROGRAM, "watch", "--help"],
        env=env | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=patiently(15),
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Usage: " in done.stdout


def test_working_directory_that_is_gone_is_one_line(env: dict[str, str], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    line = f"mkdir {gone}; cd {gone}; rmdir {gone}; {PROGRAM} {SERVE} state"
    done = subprocess.run(
        ["bash", "-c", line], env=env, capture_output=True, text=True, check=False, timeout=30
    )

    assert done.returncode == 1
    assert done.stderr == "deskwire: the working directory is gone; change to another one\n"


@pytest.mark.parametrize("output", [">/dev/full", ">&-"])
def test_first_password_that_cannot_be_shown_adds_no_user(
    env: dict[str, str], tmp_path: Path, output: str
) -> None:
    done = shell(f"timeout 10 deskwire {SERVE} {tmp_path}/s {output}", env)
    users = shell(f"deskwire users list --state-dir {tmp_path}/s", env)

    assert done.returncode == 4
    assert "the first password cannot be printed, so no user was added" in done.stderr
    assert "Traceback" not in done.stderr
    assert "no users yet" in users.stdout


@pytest.mark.parametrize("streams", [">/dev/full 2>/dev/full", ">&- 2>&-", "2>&-", "<&- >&- 2>&-"])
def test_daemon_lives_on_without_usable_streams(
    env: dict[str, str], tmp_path: Path, streams: str
) -> None:
    state = tmp_path / "s"
    added = subprocess.run(
        [PROGRAM, "users", "add", "ann", "--password-stdin", "--state-dir", str(state)],
        env=env,
        input="correct horse\n",
        text=True,
        capture_output=True,
        check=True,
    )
    process = subprocess.Popen(
        ["bash", "-c", f"exec {PROGRAM} {SERVE} {state} {streams}"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + patiently(10)
        while not (state / "control.sock").exists() and time.monotonic() < end:
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(1.0)
        assert process.poll() is None
        descriptors = [os.readlink(f"/proc/{process.pid}/fd/{each}") for each in range(3)]  # noqa: PTH115 - not a file
    finally:
        process.terminate()
        code = process.wait(patiently(10))

    assert added.returncode == 0
    assert code == 0
    assert all(each.startswith(("/dev/", "pipe:")) for each in descriptors), descriptors
