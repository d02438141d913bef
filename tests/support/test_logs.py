import logging

import pytest

from tests.support.logs import Logs, Watchman, judge


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
        judge(f"started\n{line}\nended", ["correct horse"])


def test_clean_log_passes() -> None:
    judge("started\nlogin refused  user=ann\n", ["correct horse"])


def test_token_in_the_log_of_this_process_is_caught(watchman: Watchman) -> None:
    logging.getLogger("deskwire.any").error("token %s", "eyJ" + "hbGciOiJIUzI1NiJ9")
    caught = list(watchman.caught)
    watchman.caught.clear()

    assert caught == ["deskwire.any: token eyJhbGciOiJIUzI1NiJ9"]


def test_secret_of_one_desk_in_the_log_of_another_fails_at_the_end() -> None:
    logs = Logs()
    logs.take("started\nlogin refused  user=correct horse\n", ["another secret"])
    logs.take("started\n", ["correct horse"])

    with pytest.raises(AssertionError, match="user=correct horse"):
        logs.judge()


def test_log_of_a_failed_test_is_checked_at_the_end() -> None:
    logs = Logs()
    logs.keep("Traceback (most recent call last):\n")

    with pytest.raises(AssertionError, match="Traceback"):
        logs.judge()


def test_clean_logs_pass() -> None:
    logs = Logs()
    logs.take("started\n", ["correct horse"])
    logs.take("started\nlogin refused  user=ann\n")

    logs.judge()
