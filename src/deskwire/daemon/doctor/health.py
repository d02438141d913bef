"""Condition of one part of the desk, and the result of a check."""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct


class Condition(StrEnum):
    """Stable word for a condition."""

    OK = "ok"
    ABSENT = "absent"
    """It does not exist, which is no fault."""
    DISABLED = "disabled"
    """A setting disables it."""
    UNAVAILABLE = "unavailable"
    """It should work and does not; the user can repair it."""
    UNSAFE = "unsafe"
    """It works, but other users may get access."""


PASSING = frozenset({Condition.OK, Condition.ABSENT, Condition.DISABLED})


class CheckResult(Struct, frozen=True, kw_only=True):
    """Result of one check."""

    name: str
    condition: Condition
    found: str = ""
    """Description of the part that was checked."""
    why: str = ""
    """Reason why it is not ok."""
    remedy: str = ""
    """Action that the user can take."""


class CheckFailed(Exception):
    """Ends a check whose condition is not ok."""

    def __init__(
        self, condition: Condition, why: str, remedy: str = "", *, found: str = ""
    ) -> None:
        super().__init__(why)
        self.condition = condition
        self.why = why
        self.remedy = remedy
        self.found = found


def run_check(name: str, check: Callable[[], str]) -> CheckResult:
    """Return what `check` found, or the failure that it raised."""
    try:
        return CheckResult(name=name, condition=Condition.OK, found=check())
    except CheckFailed as failed:
        return CheckResult(
            name=name,
            condition=failed.condition,
            found=failed.found,
            why=failed.why,
            remedy=failed.remedy,
        )
