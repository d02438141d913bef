"""Clauses of the contract, and findings about them.

The text of a clause is the first line of the docstring of its check, so that both stay the same.
"""

from collections.abc import Awaitable, Callable
from enum import Enum

from msgspec import Struct

from deskwire.conformance.check_context import CheckContext, CheckOptions

Check = Callable[[CheckContext], Awaitable[str]]
"""Returns the observation; raises `Broken` or `NotChecked`."""


class Schedule(Enum):
    """Time at which a clause is checked, relative to the others."""

    IN_TURN = "in turn"
    ALONGSIDE = "alongside"
    """In parallel to the others, because it only waits."""
    LAST = "last"
    """After all others, alone, because it loads the server or disturbs the desk."""


class Clause(Struct, frozen=True):
    """One requirement on a server."""

    number: str
    """Number such as `3.2`; the part before the point is the topic's number."""
    source: str
    """Section of the reference that states the requirement."""
    check: Check
    takes: float = 0.0
    """Known waiting time in seconds; 0 if unknown."""
    order: Schedule = Schedule.IN_TURN
    needs_whole_session: bool = False
    """Whether it lasts for the whole lifetime of a token."""

    def wait(self, options: CheckOptions) -> float:
        """Return the known waiting time in seconds."""
        return options.lifetime if self.needs_whole_session else self.takes

    @property
    def text(self) -> str:
        """Requirement in one sentence."""
        return (self.check.__doc__ or self.check.__name__).strip().splitlines()[0]


class Topic(Struct, frozen=True):
    """Clauses about one subject."""

    number: int
    name: str
    clauses: tuple[Clause, ...]
    reads_desk: bool = False
    """Whether the clauses read or change the desk, and so must run one after another."""


class Verdict(Enum):
    """Outcome of a check."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_CHECKED = "not checked"


class Finding(Struct, frozen=True):
    """Result of checking one clause."""

    clause: Clause
    topic: str
    verdict: Verdict
    seen: str
    took: float
    """Seconds."""
