"""Users of a desk: names, passwords and scopes, stored in the state directory.

A name has 1 to 32 letters (a-z, A-Z), digits and `. _ - @`, and begins with a letter or digit.
`Ann` and `ann` are the same user, because a phone capitalises the first letter. A password is any
text of at least 8 characters and at most 1024 bytes of UTF-8 that is not the name. It is
normalised to Unicode NFC (RFC 8265, OpaqueString), because keyboards encode one letter in two ways.
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
from deskwire.model.problems import Refused, StateUnavailable, WrongCredentials
from deskwire.model.units import Seconds

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,31}", re.ASCII)
MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_BYTES = 1024


class User(Struct, frozen=True):
    """A user who may log in."""

    name: str
    scopes: frozenset[Scope]
    created: Seconds
    """Wall clock."""
    generation: str = ""
    """Changes with each password; a login is valid only for the generation it started in."""


class UserExists(Refused):
    """The name is in use."""

    code = "user_exists"


class UnknownUser(Refused):
    """No user has this name."""

    code = "unknown_user"


class BadName(Refused):
    """The name is not allowed."""

    code = "bad_name"


class WeakPassword(Refused):
    """The password is not allowed."""

    code = "weak_password"


class Users:
    """The users in the database; every change is on disk before it returns.

    Each method raises `StateUnavailable`.
    """

    def __init__(self, state: StateDirectory, passwords: Passwords) -> None:
        self._state = state
        self._passwords = passwords

    async def add(self, name: str, password: str, scopes: Iterable[Scope]) -> None:
        """Add a user; raises `BadName`, `WeakPassword` or `UserExists`."""
        require_name(name)
        encoded = await self._passwords.hash(new_password(name, password))
        user = User(name, frozenset(scopes), Seconds(time.time()), secrets.token_hex(8))
        await self._state.change(lambda connection: insert_user(connection, user, encoded))

    async def list(self) -> "list[User]":
        """Return all users, sorted by name."""
        return await self._state.read(read_users)

    async def count(self) -> int:
        """Return the number of users."""
        return len(await self.list())

    async def set_password(self, name: str, password: str) -> None:
        """Replace a password and end all logins of the user.

        Raises `UnknownUser` or `WeakPassword`.
        """
        encoded = await self._passwords.hash(new_password(name, password))
        await self._state.change(lambda connection: replace_password(connection, name, encoded))

    async def remove(self, name: str) -> None:
        """Remove a user and end all their logins; raises `UnknownUser`."""
        await self._state.change(lambda connection: delete_user(connection, name))

    async def verify(self, name: str, password: str) -> User:
        """Return the user with this name and password; raises `WrongCredentials`.

        It takes the same time for a name that no user has.
        """
        given = normalise(password)
        if given is None or len(given) > MAX_PASSWORD_BYTES:
            raise wrong_credentials()
        found = await self._state.read(lambda connection: find_user(connection, name))
        user, encoded = found or (None, None)
        if not await self._passwords.matches(encoded, given) or user is None or encoded is None:
            raise wrong_credentials()
        if self._passwords.is_outdated(encoded):
            await self._rehash(user, given)
        return user

    async def _rehash(self, user: User, password: bytes) -> None:
        with suppress(StateUnavailable):  # the next login tries again
            encoded = await self._passwords.hash(password)
            await self._state.change(
                lambda connection: connection.execute(
                    "UPDATE users SET password = ? WHERE name = ? AND generation = ?",
                    (encoded, user.name, user.generation),
                )
            )


def wrong_credentials() -> WrongCredentials:
    """Return the one answer for a wrong name and for a wrong password."""
    return WrongCredentials("the name or the password is wrong")


def is_name(text: str) -> bool:
    """Return whether a user may have this name."""
    return NAME.fullmatch(text) is not None


def require_name(name: str) -> None:
    """Raise `BadName` if no user may have this name."""
    if not is_name(name):
        raise BadName(
            "a name has 1 to 32 letters (a-z), digits and . _ - @, "
            "and begins with a letter or digit"
        )


def new_password(name: str, password: str) -> bytes:
    """Return the bytes of a new password to hash; raises `WeakPassword`."""
    given = normalise(password)
    if given is None:
        raise WeakPassword("the password is not text in UTF-8")
    if len(given.decode()) < MIN_PASSWORD_CHARACTERS:
        raise WeakPassword(f"the password is shorter than {MIN_PASSWORD_CHARACTERS} characters")
    if len(given) > MAX_PASSWORD_BYTES:
        raise WeakPassword(f"the password is longer than {MAX_PASSWORD_BYTES} bytes")
    if password.lower() == name.lower():
        raise WeakPassword("the password is the name")
    return given


def normalise(password: str) -> bytes | None:
    """Return the NFC form of a password as UTF-8, or `None` if it is not text."""
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:  # a lone surrogate, from JSON or a terminal
        return None


def insert_user(connection: sqlite3.Connection, user: User, encoded: str) -> None:
    """Insert a new user; raises `UserExists`."""
    require_free_name(connection, user.name)
    connection.execute(
        "INSERT INTO users (name, scopes, password, generation, created) VALUES (?, ?, ?, ?, ?)",
        (user.name, ",".join(sorted(user.scopes)), encoded, user.generation, user.created),
    )


def read_users(connection: sqlite3.Connection) -> list[User]:
    """Read all users."""
    rows = connection.execute("SELECT name, scopes, created, generation FROM users ORDER BY name")
    return [user_from_row(*row) for row in rows]


def find_user(connection: sqlite3.Connection, name: str) -> tuple[User, str] | None:
    """Read one user and the encoded password hash."""
    if not is_name(name):
        return None
    row = connection.execute(
        "SELECT name, scopes, created, generation, password FROM users WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else (user_from_row(*row[:4]), row[4])


def replace_password(connection: sqlite3.Connection, name: str, encoded: str) -> None:
    """Store a new password and delete the logins of the old one; raises `UnknownUser`."""
    require_user(connection, name)
    connection.execute(
        "UPDATE users SET password = ?, generation = ? WHERE name = ?",
        (encoded, secrets.token_hex(8), name),
    )
    connection.execute("DELETE FROM logins WHERE user = ?", (name,))


def delete_user(connection: sqlite3.Connection, name: str) -> None:
    """Delete a user and every row that refers to the user; raises `UnknownUser`."""
    require_user(connection, name)
    connection.execute("DELETE FROM users WHERE name = ?", (name,))


def require_user(connection: sqlite3.Connection, name: str) -> None:
    """Raise `UnknownUser` if no user has this name."""
    if find_user(connection, name) is None:
        raise UnknownUser(f"there is no user {name}" if is_name(name) else "there is no such user")


def require_free_name(connection: sqlite3.Connection, name: str) -> None:
    """Raise `UserExists` if the name is in use, `BadName` if it is not allowed."""
    require_name(name)
    if find_user(connection, name) is not None:
        raise UserExists(f"there is a user {name} already")


def user_from_row(name: str, scopes: str, created: float, generation: str) -> User:
    """Return the user of a row."""
    return User(name, scopes_from_text(scopes), Seconds(created), generation)


def scopes_from_text(text: str) -> frozenset[Scope]:
    """Return the scopes of a row."""
    return frozenset(Scope(scope) for scope in text.split(",") if scope)
