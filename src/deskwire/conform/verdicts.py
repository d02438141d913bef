"""How a check ends early: the server breaks the clause, or it cannot be told."""

from typing import Any

LONGEST = 160


class Broken(Exception):
    """The server does not do it; the message says what it does instead."""


class NotJudged(Exception):
    """It cannot be told whether the server does it; the message says why."""


def expect(held: object, seen: str) -> None:
    """Raise `Broken` with what was seen unless it held."""
    if not held:
        raise Broken(seen)


def short(thing: Any) -> str:
    """Return what was seen, as text that fits into a line."""
    text = thing if isinstance(thing, str) else repr(thing)
    text = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
