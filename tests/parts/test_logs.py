import logging

import pytest

from tests.parts.logs import Watchman, judge


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
def test_a_log_is_judged_by_what_must_never_be_in_one(line: str) -> None:
    with pytest.raises(AssertionError, match="in the log"):
        judge(f"started\n{line}\nended", ["correct horse"])


def test_a_clean_log_passes() -> None:
    judge("started\nlogin refused  user=ann\n", ["correct horse"])


def test_a_token_in_this_processs_log_is_caught(watchman: Watchman) -> None:
    logging.getLogger("deskwire.any").error("token %s", "eyJ" + "hbGciOiJIUzI1NiJ9")
    caught = list(watchman.caught)
    watchman.caught.clear()

    assert caught == ["deskwire.any: token eyJhbGciOiJIUzI1NiJ9"]
