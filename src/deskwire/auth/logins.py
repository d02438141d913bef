"""Logins: one for each client that a user logs in with, from the login until it ends.

The database decides. A copy in memory answers `get` and `known` for every message
without I/O. A change goes to both. If another process has changed the database, the copy is read
again, and a login that is missing then has ended: a password changed by `deskwire users` closes
the user's sockets exactly as logging out does. A login that only expires is no end: its WebSocket
tokens expire by themselves.
"""

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import asdict

from deskwire.auth.identity import client_address, client_network
from deskwire.auth.state_directory import CommitStamp, StateDirectory, read_commit_stamp
from deskwire.auth.throttle import Known
from deskwire.auth.users import User, scopes_from_text, wrong_credentials
from deskwire.model.access import LoginId, Scope
from deskwire.model.instant import Instant, time_until
from deskwire.model.text import printable
from deskwire.model.units import Seconds

T = TypeVar("T")

MAX_AGENT_LENGTH = 200
MAX_ADDRESS_LENGTH = 64
MAX_LOGINS_PER_USER = 1000
"""Above it, the oldest login ends: a script may log in again and again for a week."""
MAX_ADDRESSES_PER_USER = 32
"""Client addresses that are remembered, the newest ones."""
KEEP_EXPIRED = Seconds(86400.0)
"""Time that an expired login stays on disk; longer than its last socket stays open."""

COLUMNS = (
    "id, name, scopes, granted, address, agent, logins.created, expires, boot, boot_expires,"
    " kind, label, secret"
)

log = logging.getLogger("deskwire.login")


class Login(Struct, frozen=True):
    """One user who is logged in with one client."""

    id: LoginId
    user: str
    scopes: frozenset[Scope]
    address: str
    agent: str
    """User-Agent of the client."""
    created: Seconds
    """Wall clock, like `expires`."""
    expires: Seconds
    boot: str = ""
    """ID of the boot in which it started."""
    boot_expires: Seconds = Seconds(0.0)
    """CLOCK_BOOTTIME of that boot at which it expires."""
    kind: str = "login"
    """`login`, or `token` for an access token."""
    label: str = ""
    """Name that a person gave it."""
    secret: str = ""
    """SHA-256 of an access token, in hexadecimal."""

    def remaining(self, now: Instant, this_boot: str) -> Seconds:
        """Return the time until it expires, 0 or less if it has expired."""
        end = Instant(wall=self.expires, boot=self.boot_expires)
        return time_until(end, self.boot, now=now, this_boot=this_boot)


def new_login(
    user: User, *, address: str, agent: str, now: Instant, lifetime: Seconds, boot: str
) -> Login:
    """Return a login that starts now."""
    return Login(
        id=LoginId(secrets.token_hex(8)),
        user=user.name,
        scopes=user.scopes,
        address=printable(address[:MAX_ADDRESS_LENGTH]),
        agent=printable(agent[:MAX_AGENT_LENGTH]),
        created=now.wall,
        expires=Seconds(now.wall + lifetime),
        boot=boot,
        boot_expires=Seconds(now.boot + lifetime),
    )


class Pruned(NamedTuple):
    """Rows that were deleted because they are old or exceed a limit."""

    logins: frozenset[LoginId]
    addresses: frozenset[str]


class LoginTable(Struct, frozen=True):
    """Content of the database at one commit.

    It is read completely once and then copied with each change, because reading a thousand logins
    for a new one costs more.
    """

    logins: dict[LoginId, Login]
    known_clients: frozenset[tuple[str, str]]
    """User names in lower case, and the addresses from which they have logged in.

    Older versions stored the network of an IPv6 address.
    """

    def with_login(self, login: Login, pruned: Pruned) -> "LoginTable":
        """Return the table with a new login and without the rows that were pruned for it."""
        user = login.user.lower()
        logins = {each: of for each, of in self.logins.items() if each not in pruned.logins}
        known = self.known_clients - {(user, address) for address in pruned.addresses}
        known |= {(user, client_address(login.address))}
        return LoginTable(logins | {login.id: login}, known)

    def without(self, login_id: LoginId) -> "LoginTable":
        """Return the table without this login, which may be missing already."""
        logins = {each: of for each, of in self.logins.items() if each != login_id}
        return LoginTable(logins, self.known_clients)


class Logins:
    """Current logins; call `refresh` before anything else."""

    def __init__(self, state: StateDirectory, lifetime: Seconds) -> None:
        self._state = state
        self._lifetime = lifetime
        self._table = LoginTable({}, frozenset())
        self._known_addresses: frozenset[str] = frozenset()
        self._stamp: CommitStamp | None = None
        """The commit that `_table` was read at."""
        self._callbacks: list[Callable[[frozenset[LoginId]], None]] = []
        self._lock = asyncio.Lock()  # the database and the copy change together, in one order

    async def begin(self, user: User, *, address: str, agent: str, now: Instant) -> Login:
        """Start a login, which is on disk when this returns.

        Raises `WrongCredentials` if the password has changed since it was verified, and
        `StateUnavailable`.
        """
        lifetime, boot = self._lifetime, self._state.boot_id
        login = new_login(user, address=address, agent=agent, now=now, lifetime=lifetime, boot=boot)

        def insert(connection: sqlite3.Connection, before: LoginTable) -> tuple[None, LoginTable]:
            pruned = insert_login(connection, login, user.generation, now)
            return None, before.with_login(login, pruned)

        await self._change(insert, "too many logins")
        log.info("login began  user=%s from=%s id=%s", login.user, login.address, login.id)
        return login

    async def end(self, login_id: LoginId) -> bool:
        """End a login on disk and return whether it existed.

        Raises `StateUnavailable`, and then it has not ended.
        """

        def delete(connection: sqlite3.Connection, before: LoginTable) -> tuple[bool, LoginTable]:
            return delete_login(connection, login_id), before.without(login_id)

        return await self._change(delete, "logged out")

    def get(self, login_id: LoginId, now: Instant | None = None) -> Login | None:
        """Return a login that has not ended; with `now`, only if it has not expired. No I/O."""
        login = self._table.logins.get(login_id)
        if login is None or (now is not None and login.remaining(now, self._state.boot_id) <= 0):
            return None
        return login

    def known(self, user_name: str, address: str) -> Known:
        """Return whether this user has logged in from this address before. No I/O."""
        user, network = user_name.lower(), client_network(address)
        clients = self._table.known_clients
        if (user, client_address(address)) in clients:
            return Known.ADDRESS
        near = any(name == user and client_network(each) == network for name, each in clients)
        return Known.NETWORK if near else Known.NO

    def is_known_address(self, address: str) -> bool:
        """Return whether any user has logged in from this address before. No I/O."""
        return address in self._known_addresses

    async def list(self, now: Instant | None = None) -> "list[Login]":
        """Read all logins from disk, the oldest first; with `now`, only those not expired.

        Raises `StateUnavailable`.
        """
        logins = await self._state.read(read_logins)
        if now is None:
            return logins
        return [login for login in logins if login.remaining(now, self._state.boot_id) > 0]

    def on_ended(self, callback: Callable[[frozenset[LoginId]], None]) -> None:
        """Call `callback` on the event loop with the logins that have ended.

        The end of a login by another process, a new password or a removed user is noticed by
        `refresh`.
        """
        self._callbacks.append(callback)

    async def refresh(self) -> bool:
        """Read the database if it has changed, and return whether it had.

        Raises `StateUnavailable`.
        """

        def read_changed(connection: sqlite3.Connection) -> tuple[LoginTable, CommitStamp] | None:
            stamp = read_commit_stamp(connection)
            return None if stamp == self._stamp else (read_login_table(connection), stamp)

        async with self._lock:
            changed = await self._state.read(read_changed)
            if changed is not None:
                self._replace(*changed, "by a command")
        return changed is not None

    async def _change(
        self, work: Callable[[sqlite3.Connection, LoginTable], tuple[T, LoginTable]], reason: str
    ) -> T:
        """Run `work` on disk and in memory, or on neither; `reason` is for the log.

        `work` gets the table on disk at this moment and returns the table after the change.
        """

        def change(connection: sqlite3.Connection) -> tuple[T, LoginTable, CommitStamp]:
            current = read_commit_stamp(connection) == self._stamp
            before = self._table if current else read_login_table(connection)
            result, after = work(connection, before)
            return result, after, read_commit_stamp(connection)

        async with self._lock:
            result, after, stamp = await self._state.change(change)
            self._replace(after, stamp, reason)
        return result

    def _replace(self, table: LoginTable, stamp: CommitStamp, reason: str) -> None:
        """Replace the copy, and report the logins that are missing in the new one."""
        before, self._table, self._stamp = self._table.logins, table, stamp
        self._known_addresses = frozenset(address for _, address in table.known_clients)
        if ended := frozenset(before.keys() - table.logins.keys()):
            for login in map(before.__getitem__, sorted(ended)):
                words = login.user, login.address, login.id, reason
                log.info("login ended  user=%s from=%s id=%s why=%s", *words)
            for callback in self._callbacks:
                callback(ended)


def insert_login(
    connection: sqlite3.Connection, login: Login, generation: str, now: Instant
) -> Pruned:
    """Insert a login and prune old rows.

    Raises `WrongCredentials` if the user has a newer password than that of `generation`.
    """
    row = connection.execute(
        "SELECT generation FROM users WHERE name = ?", (login.user,)
    ).fetchone()
    if row is None or row[0] != generation:
        raise wrong_credentials()
    insert_row(connection, login)
    connection.execute(  # the newest address is not written again
        "INSERT OR REPLACE INTO known_addresses SELECT :user, :address WHERE :address IS NOT"
        " (SELECT neighbourhood FROM known_addresses WHERE user = :user"
        " ORDER BY rowid DESC LIMIT 1)",
        {"user": login.user, "address": client_address(login.address)},
    )
    return prune(connection, login, now)


def insert_row(connection: sqlite3.Connection, login: Login) -> None:
    """Insert the row of a login."""
    granted = ",".join(sorted(login.scopes))
    connection.execute(
        "INSERT INTO logins VALUES (:id, :user, :address, :agent, :created, :expires, :boot,"
        " :boot_expires, :kind, :label, :granted, :secret)",
        asdict(login) | {"granted": granted, "scopes": None},
    )


def prune(connection: sqlite3.Connection, login: Login, now: Instant) -> Pruned:
    """Delete logins that expired a day ago, and the rows of this user that exceed a limit."""
    expired = connection.execute(
        "DELETE FROM logins WHERE CASE boot WHEN ? THEN boot_expires < ? ELSE expires < ? END"
        " RETURNING id",
        (login.boot, now.boot - KEEP_EXPIRED, now.wall - KEEP_EXPIRED),
    ).fetchall()
    excess_logins, excess_addresses = (
        connection.execute(
            f"DELETE FROM {table} WHERE {rows} AND rowid <="  # noqa: S608 - constants below
            f" (SELECT rowid FROM {table} WHERE {rows} ORDER BY rowid DESC"
            f" LIMIT 1 OFFSET :limit) RETURNING {column}",
            {"user": login.user, "limit": limit},
        ).fetchall()
        for table, rows, column, limit in (
            ("logins", "user = :user AND kind = 'login'", "id", MAX_LOGINS_PER_USER),
            ("known_addresses", "user = :user", "neighbourhood", MAX_ADDRESSES_PER_USER),
        )
    )
    return Pruned(
        frozenset(LoginId(login_id) for (login_id,) in expired + excess_logins),
        frozenset(address for (address,) in excess_addresses),
    )


def delete_login(connection: sqlite3.Connection, login_id: LoginId) -> bool:
    """End a login and return whether it existed."""
    if not login_id.isascii():  # from a command line; SQLite takes no lone surrogates
        return False
    return connection.execute("DELETE FROM logins WHERE id = ?", (login_id,)).rowcount > 0


def read_logins(connection: sqlite3.Connection) -> list[Login]:
    """Read all logins, the oldest first."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM logins JOIN users ON name = user ORDER BY logins.rowid"  # noqa: S608 - a constant
    )
    return [
        Login(LoginId(login_id), name, effective_scopes(scopes, granted), *rest)
        for login_id, name, scopes, granted, *rest in rows
    ]


def effective_scopes(scopes: str, granted: str) -> frozenset[Scope]:
    """Return the scopes of a login: those of its user, or fewer if it was granted fewer."""
    of_user = scopes_from_text(scopes)
    return of_user & scopes_from_text(granted) if granted else of_user


def read_login_table(connection: sqlite3.Connection) -> LoginTable:
    """Read all logins and known clients."""
    rows = connection.execute("SELECT lower(user), neighbourhood FROM known_addresses")
    known_clients = frozenset((user, network) for user, network in rows)
    return LoginTable({login.id: login for login in read_logins(connection)}, known_clients)
