"""The table of all clauses, and choosing from it."""

from collections.abc import Iterator

from deskwire.conformance import (
    art,
    commands,
    conversation,
    extended,
    lifetime,
    limits,
    login,
    opening,
    protocol_violations,
    tokens,
    watching,
)
from deskwire.conformance.clause import Clause, Topic

TOPICS: tuple[Topic, ...] = (
    login.TOPIC,
    tokens.TOPIC,
    opening.TOPIC,
    conversation.TOPIC,
    protocol_violations.TOPIC,
    watching.TOPIC,
    commands.TOPIC,
    art.TOPIC,
    lifetime.TOPIC,
    limits.TOPIC,
    extended.TOPIC,
)

Chosen = list[tuple[Topic, Clause]]


def choose(only: str = "", without: str = "") -> Chosen:
    """Return the clauses named in `only` (all when it is empty) but those in `without`.

    Each is a list with commas of clauses (`3.2`) and topics (`3`, `opening`). Raises `ValueError`
    with the word that names nothing.
    """
    named = set(_named(only)) if only.strip() else {clause.number for _, clause in every()}
    named -= set(_named(without))
    return [(topic, clause) for topic, clause in every() if clause.number in named]


def every() -> Iterator[tuple[Topic, Clause]]:
    """Go through all of them."""
    for topic in TOPICS:
        for clause in topic.clauses:
            yield topic, clause


def _named(words: str) -> Iterator[str]:
    for word in filter(None, (each.strip() for each in words.split(","))):
        found = [
            clause.number
            for topic, clause in every()
            if word in (clause.number, str(topic.number), topic.name)
        ]
        if not found:
            raise ValueError(word)
        yield from found
