import logging

import pytest

from tests.support.logs import LogCollection, LogWatcher, check_log


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        "Task exception was never retrieved",
        "coroutine 'x' was never awaited",
        "login refused  token=eyJhbGciOiJIUzI1NiJ9.e30.x",
        "login refused  password=correct horse",
    ],
)
def test_log_with_a_forbidden_line_fails(line: str) -> None:
    with pytest.raises(AssertionError, match="in the log"):
        check_log(f"started\n{line}\nended", ["correct horse"])


def test_clean_log_passes() -> None:
    check_log("started\nlogin refused  user=ann\n", ["correct horse"])


def test_token_in_the_log_of_this_process_is_caught(log_watcher: LogWatcher) -> None:
    logging.getLogger("deskwire.any").error("token %s", "eyJ" + "hbGciOiJIUzI1NiJ9")
    caught = list(log_watcher.caught)
    log_watcher.caught.clear()

    assert caught == ["deskwire.any: token eyJhbGciOiJIUzI1NiJ9"]


def test_secret_of_one_desk_in_the_log_of_another_fails_at_the_end() -> None:
    logs = LogCollection()
    logs.add_and_check("started\nlogin refused  user=correct horse\n", ["another secret"])
    logs.add_and_check("started\n", ["correct horse"])

    with pytest.raises(AssertionError, match="user=correct horse"):
        logs.check()


def test_log_of_a_failed_test_is_checked_at_the_end() -> None:
    logs = LogCollection()
    logs.add("Traceback (most recent call last):\n")

    with pytest.raises(AssertionError, match="Traceback"):
        logs.check()


def test_clean_logs_pass() -> None:
    logs = LogCollection()
    logs.add_and_check("started\n", ["correct horse"])
    logs.add_and_check("started\nlogin refused  user=ann\n")

    logs.check()
