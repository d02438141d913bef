"""How a part of the desk is, and what was found when it was looked at."""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct


class Condition(StrEnum):
    """One word for it; stable."""

    OK = "ok"
    ABSENT = "absent"
    """There is no such thing, which is fine."""
    DISABLED = "disabled"
    """By a setting."""
    UNAVAILABLE = "unavailable"
    """It ought to be there; somebody at the desk can mend it."""
    UNSAFE = "unsafe"
    """It works, and somebody may see what they should not."""


PASSING = frozenset({Condition.OK, Condition.ABSENT, Condition.DISABLED})


class CheckResult(Struct, frozen=True, kw_only=True):
    """One part of the desk."""

    name: str
    condition: Condition
    found: str = ""
    """What there is, for a person."""
    why: str = ""
    """Why it is not ok."""
    remedy: str = ""
    """What a person can do about it."""


class CheckFailed(Exception):
    """What a look raises when it ends early."""

    def __init__(
        self, condition: Condition, why: str, remedy: str = "", *, found: str = ""
    ) -> None:
        super().__init__(why)
        self.condition = condition
        self.why = why
        self.remedy = remedy
        self.found = found


def run_check(name: str, look: Callable[[], str]) -> CheckResult:
    """Return what `look` found, or what it raised as `CheckFailed`."""
    try:
        return CheckResult(name=name, condition=Condition.OK, found=look())
    except CheckFailed as end:
        return CheckResult(
            name=name, condition=end.condition, found=end.found, why=end.why, remedy=end.remedy
        )
