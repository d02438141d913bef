"""Outcomes of a check other than success."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LONGEST = 160
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,2}")
"""A JSON Web Token, or a part of one."""


class Broken(Exception):
    """The server violates the clause; the message says what was observed."""


class NotChecked(Exception):
    """The clause cannot be checked; the message says why."""


def expect(condition: object, observed: str) -> None:
    """Raise `Broken` with the observation unless the condition holds."""
    if not condition:
        raise Broken(observed)


@contextmanager
def observed_for(case: str) -> Iterator[None]:
    """Put the case that was tried before the observation of a `Broken` inside."""
    try:
        yield
    except Broken as broken:
        raise Broken(f"{case}{broken}") from None


def short(thing: Any) -> str:
    """Return a value as text of at most 160 characters, without control characters and tokens."""
    text = thing.decode(errors="replace") if isinstance(thing, bytes) else thing
    text = TOKEN.sub("eyJ\N{HORIZONTAL ELLIPSIS}", text if isinstance(text, str) else repr(text))
    text = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
