"""One person of a desk: the name, the password, and what either may be.

A name is 1 to 32 of the letters a-z and A-Z, digits and `. _ - @`, beginning with a letter or
digit; `Ann` and `ann` are the same person, because a phone writes the first letter large. A
password is any text of at least 8 characters and at most 1024 bytes of UTF-8, other than the
name; it is brought to Unicode's NFC first (RFC 8265, OpaqueString), because two keyboards write
one letter in two ways.
"""

import re
import unicodedata

from msgspec import Struct

from deskwire.model.access import Scope
from deskwire.model.problems import Refused
from deskwire.model.units import Seconds

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,31}", re.ASCII)
FEWEST_CHARACTERS = 8
MOST_BYTES = 1024


class User(Struct, frozen=True):
    """Somebody who may come in."""

    name: str
    scopes: frozenset[Scope]
    created: Seconds
    """Wall clock."""
    generation: str = ""
    """Another one with each password: a log-in holds only while its password does."""


class UserExists(Refused):
    """Somebody has this name already."""

    code = "user_exists"


class UnknownUser(Refused):
    """Nobody has this name."""

    code = "unknown_user"


class BadName(Refused):
    """A name that nobody can have."""

    code = "bad_name"


class WeakPassword(Refused):
    """A password that nobody should have."""

    code = "weak_password"


def is_name(text: str) -> bool:
    """Tell whether somebody can have this name."""
    return NAME.fullmatch(text) is not None


def require_name(name: str) -> None:
    """Raise `BadName` unless somebody can have it."""
    if not is_name(name):
        raise BadName(
            "a name has 1 to 32 letters (a-z), digits and . _ - @, "
            "and begins with a letter or digit"
        )


def new_password(name: str, password: str) -> bytes:
    """Return the password as it is hashed; raises `WeakPassword`."""
    given = normal(password)
    if given is None:
        raise WeakPassword("the password is not text in UTF-8")
    if len(given.decode()) < FEWEST_CHARACTERS:
        raise WeakPassword(f"the password is shorter than {FEWEST_CHARACTERS} characters")
    if len(given) > MOST_BYTES:
        raise WeakPassword(f"the password is longer than {MOST_BYTES} bytes")
    if password.lower() == name.lower():
        raise WeakPassword("the password is the name")
    return given


def normal(password: str) -> bytes | None:
    """Return the one spelling of a password, or `None` if it is no text."""
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:  # half a surrogate pair, from JSON or a terminal
        return None


def scopes_of(text: str) -> frozenset[Scope]:
    """Read scopes as they are written in a row."""
    return frozenset(Scope(scope) for scope in text.split(",") if scope)
