"""The people of a desk: who may come in, and with which password."""

import secrets
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress

from deskwire.auth.passwords import Passwords
from deskwire.auth.state import State
from deskwire.auth.user import (
    MOST_BYTES,
    BadName,
    UnknownUser,
    User,
    UserExists,
    WeakPassword,
    is_name,
    new_password,
    normal,
    require_name,
    scopes_of,
)
from deskwire.model.access import Scope
from deskwire.model.problems import StateUnavailable, Throttled, WrongCredentials
from deskwire.model.units import Seconds

__all__ = ["BadName", "UnknownUser", "User", "UserExists", "Users", "WeakPassword"]


class Users:
    """Who may come in; all of it on disk before it is answered.

    Each method raises `StateUnavailable`; those that hash a password also `Throttled`.
    """

    def __init__(self, state: State, passwords: Passwords) -> None:
        self._state = state
        self._passwords = passwords

    async def add(self, name: str, password: str, scopes: Iterable[Scope]) -> None:
        """Add somebody; raises `BadName`, `WeakPassword` or `UserExists`."""
        require_name(name)
        encoded = await self._passwords.hash(new_password(name, password))
        user = User(name, frozenset(scopes), Seconds(time.time()), secrets.token_hex(8))
        await self._state.change(lambda connection: insert(connection, user, encoded))

    async def list(self) -> "list[User]":
        """Return everybody, by name."""
        return await self._state.read(everybody)

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


def everybody(connection: sqlite3.Connection) -> list[User]:
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
