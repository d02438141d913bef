"""One login: a person on a screen, from a log-in until it ends; and how it is written down."""

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import NamedTuple, TypeVar

from msgspec import Struct

from deskwire.auth.database_watcher import changes
from deskwire.auth.identity import client_network
from deskwire.auth.state_directory import DATABASE, CommitStamp, StateDirectory, read_commit_stamp
from deskwire.auth.users import User, scopes_of
from deskwire.model.access import LoginId, Scope
from deskwire.model.instant import Instant, time_until
from deskwire.model.problems import StateUnavailable, WrongCredentials
from deskwire.model.text import printable
from deskwire.model.units import Seconds

LONGEST_AGENT = 200
LONGEST_ADDRESS = 64
MAX_LOGINS_PER_USER = 1000
"""Of one person; beyond, the oldest ends. A script may log in again and again for a week."""
MAX_ADDRESSES_PER_USER = 32
"""Of one person that are remembered; the latest."""
KEPT = Seconds(86400.0)
"""How long an expired login stays on disk: longer than a socket that it opened last."""

COLUMNS = "id, name, scopes, address, agent, logins.created, expires, boot, boot_expires"


class Login(Struct, frozen=True):
    """Somebody who is logged in."""

    id: LoginId
    user: str
    scopes: frozenset[Scope]
    address: str
    agent: str
    """What the screen calls itself, its User-Agent."""
    created: Seconds
    """Wall clock, as is `expires`."""
    expires: Seconds
    boot: str = ""
    """The boot it began in."""
    boot_expires: Seconds = Seconds(0.0)
    """When it ends on that boot's CLOCK_BOOTTIME."""

    def left(self, now: Instant, this_boot: str) -> Seconds:
        """Return how long it still lasts by itself; nothing or less when its time is over."""
        end = Instant(wall=self.expires, boot=self.boot_expires)
        return time_until(end, self.boot, now=now, this_boot=this_boot)


def new_login(
    user: User, *, address: str, agent: str, now: Instant, lifetime: Seconds, boot: str
) -> Login:
    """Make a login that begins now."""
    return Login(
        id=LoginId(secrets.token_hex(8)),
        user=user.name,
        scopes=user.scopes,
        address=printable(address[:LONGEST_ADDRESS]),
        agent=printable(agent[:LONGEST_AGENT]),
        created=now.wall,
        expires=Seconds(now.wall + lifetime),
        boot=boot,
        boot_expires=Seconds(now.boot + lifetime),
    )


class PrunedRows(NamedTuple):
    """What was deleted because it is old, or more than is kept."""

    logins: frozenset[LoginId]
    networks: frozenset[str]


def insert(
    connection: sqlite3.Connection, login: Login, generation: str, now: Instant
) -> PrunedRows:
    """Write a login down, and let go of what is old.

    Raises `WrongCredentials` if the password it came from is no longer the user's.
    """
    row = connection.execute(
        "SELECT generation FROM users WHERE name = ?", (login.user,)
    ).fetchone()
    if row is None or row[0] != generation:
        raise WrongCredentials("the name or the password is wrong")
    connection.execute(
        "INSERT INTO logins VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            login.id,
            login.user,
            login.address,
            login.agent,
            login.created,
            login.expires,
            login.boot,
            login.boot_expires,
        ),
    )
    connection.execute(  # what is the newest already is not written again
        "INSERT OR REPLACE INTO known_addresses SELECT :user, :network WHERE :network IS NOT"
        " (SELECT neighbourhood FROM known_addresses WHERE user = :user"
        " ORDER BY rowid DESC LIMIT 1)",
        {"user": login.user, "network": client_network(login.address)},
    )
    return prune(connection, login, now)


def prune(connection: sqlite3.Connection, login: Login, now: Instant) -> PrunedRows:
    """Delete what expired a while ago, and of this user what is beyond the bounds."""
    expired = connection.execute(
        "DELETE FROM logins WHERE CASE boot WHEN ? THEN boot_expires < ? ELSE expires < ? END"
        " RETURNING id",
        (login.boot, now.boot - KEPT, now.wall - KEPT),
    ).fetchall()
    too_many, too_far = (
        connection.execute(
            f"DELETE FROM {table} WHERE user = :user AND rowid <="  # noqa: S608 - two names below
            f" (SELECT rowid FROM {table} WHERE user = :user"
            f" ORDER BY rowid DESC LIMIT 1 OFFSET :most)"
            f" RETURNING {column}",
            {"user": login.user, "most": most},
        ).fetchall()
        for table, column, most in (
            ("logins", "id", MAX_LOGINS_PER_USER),
            ("known_addresses", "neighbourhood", MAX_ADDRESSES_PER_USER),
        )
    )
    return PrunedRows(
        frozenset(LoginId(gone) for (gone,) in expired + too_many),
        frozenset(where for (where,) in too_far),
    )


def delete(connection: sqlite3.Connection, login_id: LoginId) -> bool:
    """End a login; tell whether there was one."""
    if not login_id.isascii():  # whatever was typed; SQLite takes no half surrogate pairs
        return False
    return connection.execute("DELETE FROM logins WHERE id = ?", (login_id,)).rowcount > 0


def read_logins(connection: sqlite3.Connection) -> list[Login]:
    """Read all logins, the oldest first."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM logins JOIN users ON name = user ORDER BY logins.rowid"  # noqa: S608 - a constant
    )
    return [
        Login(LoginId(login_id), name, scopes_of(scopes), *rest)
        for login_id, name, scopes, *rest in rows
    ]


def read_known_clients(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Read who logged in from where before: names in lower case, client networks."""
    rows = connection.execute("SELECT lower(user), neighbourhood FROM known_addresses")
    return frozenset((user, where) for user, where in rows)


class LoginTable(Struct, frozen=True):
    """What is on disk, at one moment."""

    living: dict[LoginId, Login]
    known: frozenset[tuple[str, str]]
    """Who logged in from where before: names in lower case, client networks."""

    def with_login(self, login: Login, gone: PrunedRows) -> "LoginTable":
        """Return what it is once this login began and what was let go of for it is gone."""
        name = login.user.lower()
        living = {each: of for each, of in self.living.items() if each not in gone.logins}
        known = self.known - {(name, where) for where in gone.networks}
        return LoginTable(
            living | {login.id: login}, known | {(name, client_network(login.address))}
        )

    def without(self, login_id: LoginId) -> "LoginTable":
        """Return what it is once this login ended; it need not have been there."""
        living = {each: of for each, of in self.living.items() if each != login_id}
        return LoginTable(living, self.known)


def read_login_table(connection: sqlite3.Connection) -> LoginTable:
    """Read it."""
    return LoginTable(
        {login.id: login for login in read_logins(connection)}, read_known_clients(connection)
    )


__all__ = ["Login", "Logins"]

T = TypeVar("T")

SETTLE = Seconds(0.02)
"""How long what others change is left to gather, once something was read."""
LOOK_AGAIN = Seconds(0.5)
"""How often the file is read where changes to it cannot be followed."""

log = logging.getLogger("deskwire.login")


class Logins:
    """The living logins; `load` first."""

    def __init__(self, state: StateDirectory, lifetime: Seconds) -> None:
        self._state = state
        self._lifetime = lifetime
        self._table = LoginTable({}, frozenset())
        self._stamp: CommitStamp | None = None
        """Of which commit that is."""
        self._tell: list[Callable[[frozenset[LoginId]], None]] = []
        self._turn = asyncio.Lock()  # disk and memory change together, in one order

    async def begin(self, user: User, *, address: str, agent: str, now: Instant) -> Login:
        """Log somebody in, on disk before this returns.

        Raises `WrongCredentials` if the password was changed since it was verified, and
        `StateUnavailable`.
        """
        login = new_login(
            user,
            address=address,
            agent=agent,
            now=now,
            lifetime=self._lifetime,
            boot=self._state.boot_id,
        )

        def write(connection: sqlite3.Connection, before: LoginTable) -> tuple[None, LoginTable]:
            gone = insert(connection, login, user.generation, now)
            return None, before.with_login(login, gone)

        await self._change(write, "made room")
        log.info("login began  user=%s from=%s id=%s", login.user, login.address, login.id)
        return login

    async def end(self, login_id: LoginId) -> bool:
        """End a login, on disk before this returns; tell whether there was one.

        Raises `StateUnavailable`, and then it has not ended.
        """

        def strike(connection: sqlite3.Connection, before: LoginTable) -> tuple[bool, LoginTable]:
            return delete(connection, login_id), before.without(login_id)

        return await self._change(strike, "logged out")

    def get(self, login_id: LoginId, now: Instant | None = None) -> Login | None:
        """Return a living login; given `now`, only one whose time is not over. No I/O."""
        login = self._table.living.get(login_id)
        if login is None or (now is not None and login.left(now, self._state.boot_id) <= 0):
            return None
        return login

    def known(self, user_name: str, address: str) -> bool:
        """Tell whether this user logged in from there before. No I/O."""
        return (user_name.lower(), client_network(address)) in self._table.known

    async def list(self, now: Instant | None = None) -> "list[Login]":
        """Read all logins from disk, the oldest first; given `now`, without those that ran out.

        Raises `StateUnavailable`.
        """
        logins = await self._state.read(read_logins)
        if now is None:
            return logins
        return [login for login in logins if login.left(now, self._state.boot_id) > 0]

    def on_ended(self, callback: Callable[[frozenset[LoginId]], None]) -> None:
        """Have `callback` told, on the event loop, of logins that were ended, however it was.

        What another process did, and new passwords and removed users, are seen by `follow`.
        """
        self._tell.append(callback)

    async def load(self) -> bool:
        """Read from disk, if anything there is new; tell whether it was.

        Raises `StateUnavailable`.
        """

        def news(connection: sqlite3.Connection) -> tuple[LoginTable, CommitStamp] | None:
            found = read_commit_stamp(connection)
            return None if found == self._stamp else (read_login_table(connection), found)

        async with self._turn:
            found = await self._state.read(news)
            if found is not None:
                self._replace(*found, "by a command")
        return found is not None

    async def follow(self) -> None:
        """Read again whenever the file changed; runs for ever, whatever befalls the disk."""
        told = False
        while True:
            try:
                async with aclosing(changes(self._state.folder, DATABASE)) as some:
                    async for _ in some:
                        if await self.load():
                            await asyncio.sleep(SETTLE)
                        told = False
            except StateUnavailable as problem:
                if not told:
                    log.warning("logins are read again each %g s: %s", LOOK_AGAIN, problem.message)
                told = True
            await asyncio.sleep(LOOK_AGAIN)
            with suppress(StateUnavailable):
                await self.load()

    async def _change(
        self, work: Callable[[sqlite3.Connection, LoginTable], tuple[T, LoginTable]], why: str
    ) -> T:
        """Do `work` on disk and in memory, or in neither; `why` is what it ends logins by.

        `work` is given what is on disk just then, and returns what is afterwards.
        """

        def and_look(connection: sqlite3.Connection) -> tuple[T, LoginTable, CommitStamp]:
            same = read_commit_stamp(connection) == self._stamp
            result, after = work(connection, self._table if same else read_login_table(connection))
            return result, after, read_commit_stamp(connection)

        async with self._turn:
            result, after, found = await self._state.change(and_look)
            self._replace(after, found, why)
        return result

    def _replace(self, roll: LoginTable, found: CommitStamp, why: str) -> None:
        """Put this in the last one's place, and tell of what is missing in it."""
        before, self._table, self._stamp = self._table.living, roll, found
        if ended := frozenset(before.keys() - roll.living.keys()):
            for login in map(before.__getitem__, sorted(ended)):
                log.info(
                    "login ended  user=%s from=%s id=%s why=%s",
                    login.user,
                    login.address,
                    login.id,
                    why,
                )
            for tell in self._tell:
                tell(ended)
