"""One person of a desk: the name, the password, and what either may be.

A name is 1 to 32 of the letters a-z and A-Z, digits and `. _ - @`, beginning with a letter or
digit; `Ann` and `ann` are the same person, because a phone writes the first letter large. A
password is any text of at least 8 characters and at most 1024 bytes of UTF-8, other than the
name; it is brought to Unicode's NFC first (RFC 8265, OpaqueString), because two keyboards write
one letter in two ways.
"""

import re
import secrets
import sqlite3
import time
import unicodedata
from collections.abc import Iterable
from contextlib import suppress

from msgspec import Struct

from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.model.access import Scope
from deskwire.model.problems import Refused, StateUnavailable, Throttled, WrongCredentials
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


__all__ = ["BadName", "UnknownUser", "User", "UserExists", "Users", "WeakPassword"]


class Users:
    """Who may come in; all of it on disk before it is answered.

    Each method raises `StateUnavailable`; those that hash a password also `Throttled`.
    """

    def __init__(self, state: StateDirectory, passwords: Passwords) -> None:
        self._state = state
        self._passwords = passwords

    async def add(self, name: str, password: str, scopes: Iterable[Scope]) -> None:
        """Add somebody; raises `BadName`, `WeakPassword` or `UserExists`."""
        require_name(name)
        encoded = await self._passwords.hash(new_password(name, password))
        user = User(name, frozenset(scopes), Seconds(time.time()), secrets.token_hex(8))
        await self._state.change(lambda connection: insert(connection, user, encoded))

    async def list(self) -> "list[User]":
        """Return all users, sorted by name."""
        return await self._state.read(read_users)

    async def count(self) -> int:
        """Return how many there are."""
        return len(await self.list())

    async def set_password(self, name: str, password: str) -> None:
        """Give somebody a new password and end all their logins.

        Raises `UnknownUser` or `WeakPassword`.
        """
        encoded = await self._passwords.hash(new_password(name, password))
        await self._state.change(lambda connection: replace(connection, name, encoded))

    async def remove(self, name: str) -> None:
        """Remove somebody and end all their logins; raises `UnknownUser`."""
        await self._state.change(lambda connection: delete(connection, name))

    async def verify(self, name: str, password: str) -> User:
        """Return whose name and password these are; raises `WrongCredentials`.

        It takes the same time whether there is such a name or not.
        """
        given = normal(password)
        if given is None or len(given) > MOST_BYTES:
            raise wrong_credentials()
        found = await self._state.read(lambda connection: find(connection, name))
        user, encoded = found or (None, None)
        if not await self._passwords.matches(encoded, given) or user is None or encoded is None:
            raise wrong_credentials()
        if self._passwords.is_outdated(encoded):
            await self._hash_anew(user, given)
        return user

    async def _hash_anew(self, user: User, password: bytes) -> None:
        # to be let in does not depend on it: the next log-in tries again
        with suppress(StateUnavailable, Throttled):
            encoded = await self._passwords.hash(password)
            await self._state.change(
                lambda connection: connection.execute(
                    "UPDATE users SET password = ? WHERE name = ? AND generation = ?",
                    (encoded, user.name, user.generation),
                )
            )


def wrong_credentials() -> WrongCredentials:
    """Make the one answer, whatever was wrong."""
    return WrongCredentials("the name or the password is wrong")


def insert(connection: sqlite3.Connection, user: User, encoded: str) -> None:
    """Write a new user; raises `UserExists`."""
    require_free(connection, user.name)
    connection.execute(
        "INSERT INTO users (name, scopes, password, generation, created) VALUES (?, ?, ?, ?, ?)",
        (user.name, ",".join(sorted(user.scopes)), encoded, user.generation, user.created),
    )


def read_users(connection: sqlite3.Connection) -> list[User]:
    """Read all users."""
    rows = connection.execute("SELECT name, scopes, created, generation FROM users ORDER BY name")
    return [user_of(*row) for row in rows]


def find(connection: sqlite3.Connection, name: str) -> tuple[User, str] | None:
    """Read one user and the hashed password."""
    if not is_name(name):
        return None
    row = connection.execute(
        "SELECT name, scopes, created, generation, password FROM users WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else (user_of(*row[:4]), row[4])


def replace(connection: sqlite3.Connection, name: str, encoded: str) -> None:
    """Write a new password and end what the old one began; raises `UnknownUser`."""
    require_known(connection, name)
    connection.execute(
        "UPDATE users SET password = ?, generation = ? WHERE name = ?",
        (encoded, secrets.token_hex(8), name),
    )
    connection.execute("DELETE FROM logins WHERE user = ?", (name,))


def delete(connection: sqlite3.Connection, name: str) -> None:
    """Remove a user; what refers to one goes along; raises `UnknownUser`."""
    require_known(connection, name)
    connection.execute("DELETE FROM users WHERE name = ?", (name,))


def require_known(connection: sqlite3.Connection, name: str) -> None:
    """Raise `UnknownUser` if there is nobody of that name."""
    if find(connection, name) is None:
        raise UnknownUser(f"there is no user {name}" if is_name(name) else "there is no such user")


def require_free(connection: sqlite3.Connection, name: str) -> None:
    """Raise `UserExists` if somebody has that name, `BadName` if nobody can."""
    require_name(name)
    if find(connection, name) is not None:
        raise UserExists(f"there is a user {name} already")


def user_of(name: str, scopes: str, created: float, generation: str) -> User:
    """Make a user of a row."""
    return User(name, scopes_of(scopes), Seconds(created), generation)
