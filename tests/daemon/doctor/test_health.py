from deskwire.daemon.doctor.health import CheckFailed, CheckResult, Condition, run_check


def test_a_look_that_ends_well_is_ok() -> None:
    assert run_check("state", lambda: "/srv") == CheckResult(
        name="state", condition=Condition.OK, found="/srv"
    )


def test_a_look_that_ends_early_says_why_and_what_to_do() -> None:
    def look() -> str:
        raise CheckFailed(Condition.UNSAFE, "others may read it", "chmod 600 it", found="it")

    assert run_check("key", look) == CheckResult(
        name="key",
        condition=Condition.UNSAFE,
        found="it",
        why="others may read it",
        remedy="chmod 600 it",
    )
