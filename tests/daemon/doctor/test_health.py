from deskwire.daemon.doctor.health import Condition, Finding, NotOk, finding


def test_a_look_that_ends_well_is_ok() -> None:
    assert finding("state", lambda: "/srv") == Finding(
        name="state", condition=Condition.OK, found="/srv"
    )


def test_a_look_that_ends_early_says_why_and_what_to_do() -> None:
    def look() -> str:
        raise NotOk(Condition.UNSAFE, "others may read it", "chmod 600 it", found="it")

    assert finding("key", look) == Finding(
        name="key",
        condition=Condition.UNSAFE,
        found="it",
        why="others may read it",
        remedy="chmod 600 it",
    )
