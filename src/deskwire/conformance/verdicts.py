"""How a check ends early: the server breaks the clause, or it cannot be told."""

import re
from typing import Any

LONGEST = 160
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,2}")
"""A JSON Web Token, or what is left of one."""


class Broken(Exception):
    """The server does not do it; the message says what it does instead."""


class NotJudged(Exception):
    """It cannot be told whether the server does it; the message says why."""


def expect(held: object, seen: str) -> None:
    """Raise `Broken` with what was seen unless it held."""
    if not held:
        raise Broken(seen)


def short(thing: Any) -> str:
    """Return what was seen, as text that fits into a line and has no token in it."""
    text = thing.decode(errors="replace") if isinstance(thing, bytes) else thing
    text = TOKEN.sub("eyJ\N{HORIZONTAL ELLIPSIS}", text if isinstance(text, str) else repr(text))
    text = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
