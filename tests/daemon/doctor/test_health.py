from deskwire.daemon.doctor.health import CheckFailed, CheckResult, Condition, run_check


def test_check_that_returns_is_ok() -> None:
    assert run_check("state", lambda: "/srv") == CheckResult(
        name="state", condition=Condition.OK, found="/srv"
    )


def test_failed_check_has_a_reason_and_a_remedy() -> None:
    def check() -> str:
        raise CheckFailed(Condition.UNSAFE, "other users can read it", "chmod 600 it", found="it")

    assert run_check("key", check) == CheckResult(
        name="key",
        condition=Condition.UNSAFE,
        found="it",
        why="other users can read it",
        remedy="chmod 600 it",
    )
