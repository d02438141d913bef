"""One thing the contract asks of a server, and what can be found about it.

A clause's words are the first line of the docstring of what checks it, so they cannot drift apart.
"""

from collections.abc import Awaitable, Callable
from enum import Enum

from msgspec import Struct

from deskwire.conformance.check_context import Bench, Terms

Check = Callable[[Bench], Awaitable[str]]
"""Returns what was seen; raises `Broken` or `NotJudged`."""


class Order(Enum):
    """When a clause is judged."""

    IN_TURN = "in turn"
    ALONGSIDE = "alongside"
    """Beside the others: it only waits."""
    LAST = "last"
    """When nothing else is going on: it crowds the server, or disturbs the desk."""


class Clause(Struct, frozen=True):
    """One thing a server has to do."""

    number: str
    """`3.2`; the part before the point is its topic's."""
    source: str
    """Where the contract says so."""
    check: Check
    takes: float = 0.0
    """Seconds it has to wait, if it is known beforehand."""
    order: Order = Order.IN_TURN
    lasts: bool = False
    """Whether it goes through a whole session, as long as a token lives."""

    def wait(self, terms: Terms) -> float:
        """Return the seconds it has to wait, as far as they are known beforehand."""
        return terms.lifetime if self.lasts else self.takes

    @property
    def text(self) -> str:
        """What is expected, in one sentence."""
        return (self.check.__doc__ or self.check.__name__).strip().splitlines()[0]


class Topic(Struct, frozen=True):
    """Clauses about one thing."""

    number: int
    name: str
    clauses: tuple[Clause, ...]
    of_the_desk: bool = False
    """Whether they look at the desk itself, and so must not get in each other's way."""


class Verdict(Enum):
    """How a clause was found."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_JUDGED = "not judged"


class Finding(Struct, frozen=True):
    """What was found about one clause."""

    clause: Clause
    topic: str
    verdict: Verdict
    seen: str
    took: float
    """Seconds."""
