"""State directory of one desk: an SQLite database, and the secret files beside it.

The database uses a write-ahead log with synchronous=FULL. A change is on disk before it is
answered, and after a kill or a power cut the database contains the last answered state
(sqlite.org/wal.html). `deskwire users` and `deskwire logins` write to the same file while the
daemon runs.

`PRAGMA user_version` is the number of migrations that a file has had. A released migration is
never edited: a change of the tables is a new migration. User names compare without case (ASCII).
"""

import asyncio
import fcntl
import logging
import os
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from deskwire.auth import identity
from deskwire.model.problems import StateUnavailable
from deskwire.private_files import (
    OWNER_READ_WRITE,
    create_private_directory,
    fsync_directory,
    load_or_create_secret,
    require_owner,
    unusable,
)

T = TypeVar("T")

CommitStamp = tuple[int, int]
"""Changes with each commit, of this process and of others."""

DATABASE = "state.db"
LOCK = "daemon.lock"
"""Locked with flock(2) by the running daemon; the kernel unlocks it when the process ends."""
LOCK_TIMEOUT = 5.0
"""Seconds that a statement waits for the transaction of another process."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE users (
            name TEXT PRIMARY KEY COLLATE NOCASE,
            scopes TEXT NOT NULL,      -- 'control,monitor'
            password TEXT NOT NULL,    -- as Argon2 encodes it
            generation TEXT NOT NULL,  -- new with each password
            created REAL NOT NULL      -- wall clock
        ) STRICT
        """,
        """
        CREATE TABLE logins (
            id TEXT PRIMARY KEY,
            user TEXT NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
            address TEXT NOT NULL,
            agent TEXT NOT NULL,
            created REAL NOT NULL,      -- wall clock
            expires REAL NOT NULL,      -- wall clock
            boot TEXT NOT NULL,         -- ID of the boot in which it started
            boot_expires REAL NOT NULL  -- CLOCK_BOOTTIME of that boot
        ) STRICT
        """,
        "CREATE INDEX logins_of_user ON logins (user)",
        """
        CREATE TABLE known_addresses (
            user TEXT NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
            neighbourhood TEXT NOT NULL,  -- identity.client_address()
            UNIQUE (user, neighbourhood)
        ) STRICT
        """,
    ),
    (
        "ALTER TABLE logins ADD COLUMN kind TEXT NOT NULL DEFAULT 'login'",  # or 'token'
        "ALTER TABLE logins ADD COLUMN label TEXT NOT NULL DEFAULT ''",  # name, by a person
        "ALTER TABLE logins ADD COLUMN granted TEXT NOT NULL DEFAULT ''",  # scopes, '' is all
        "ALTER TABLE logins ADD COLUMN secret TEXT NOT NULL DEFAULT ''",  # SHA-256 of a token
    ),
)

REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another process has locked it",
    sqlite3.SQLITE_LOCKED: "another process has locked it",
    sqlite3.SQLITE_READONLY: "it cannot be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is not a database",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
}

log = logging.getLogger("deskwire.state")


class StateDirectory:
    """The open state directory; statements run in one thread of their own."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, boot_id: str) -> None:
        self.folder = folder
        self.boot_id = boot_id
        """ID of the current boot, different after each reboot."""
        self._connection = connection
        self._failure = ""
        """The failure that was logged last; empty once a write succeeds."""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="state")
        self._lock: int | None = None
        """Open descriptor of the locked file."""

    @classmethod
    def open(cls, folder: Path, *, boot_id: Path = identity.BOOT_ID) -> "StateDirectory":
        """Open the directory, and create it if it does not exist; blocks.

        Raises `StateUnavailable` with one line that names the path and the reason.
        """
        create_private_directory(folder, owned_if_contains=DATABASE)
        return cls(folder, open_database(folder / DATABASE), identity.read_boot_id(boot_id))

    def lock(self) -> None:
        """Keep other daemons away from this directory until `close`; blocks for no other process.

        Raises `StateUnavailable` if another daemon has locked it.
        """
        path = self.folder / LOCK
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            self._lock = os.open(path, flags, OWNER_READ_WRITE)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateUnavailable(
                f"another deskwire uses {self.folder}; stop it, or set another server.state_dir"
            ) from None
        except OSError as problem:
            raise unusable(path, problem) from None

    def secret(self, name: str, size: int) -> bytes:
        """Return the `size` random bytes of the file `NAME.key`, created at the first call; blocks.

        Raises `StateUnavailable`, which names the file if its size differs.
        """
        return load_or_create_secret(self.folder / f"{name}.key", size)

    def desk_id(self, machine_id: Path = identity.MACHINE_ID) -> str:
        """Return the desk's UUID, the same at every start; blocks.

        It is derived from the machine ID and the user ID. If the machine had no ID at the first
        start, it is random and stored in the file `desk.id`. Raises `StateUnavailable`.
        """
        stored = self.folder / "desk.id"
        machine = None if stored.exists() else identity.read_machine_id(machine_id)
        if machine is None:
            return str(UUID(bytes=load_or_create_secret(stored, 16), version=4))
        return str(identity.desk_id(machine, os.getuid()))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a read transaction, in the thread of this directory.

        Raises `StateUnavailable` and the exceptions of `work`.
        """
        return await self._run("BEGIN", work)

    async def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a write transaction that is on disk when this returns.

        If it raises, nothing has changed.
        """
        return await self._run("BEGIN IMMEDIATE", work)

    def close(self) -> None:
        """Finish the running transaction and close; returns at once."""
        with suppress(RuntimeError):  # it is closed already
            self._worker.submit(self._connection.close)
        self._worker.shutdown(wait=False)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _run(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            running = self._worker.submit(self._transact, begin, work)
        except RuntimeError:
            raise StateUnavailable("the state directory is closed") from None
        return await asyncio.wrap_future(running)

    def _transact(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        before = connection.total_changes
        try:
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as problem:
            failure = database_unavailable("the database", problem)
            if failure.message != self._failure:
                log.warning("%s; logging in and out fails until it can be written", failure.message)
                self._failure = failure.message
            raise failure from problem
        if self._failure and connection.total_changes != before:
            log.info("the database can be written again")
            self._failure = ""
        return result


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database (0600), create it if it does not exist, and migrate its tables; blocks.

    The caller begins and ends transactions. Raises `StateUnavailable`.
    """
    try:
        create_database_file(path)
    except OSError as problem:
        raise unusable(path, problem) from None
    connection = sqlite3.connect(
        path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("BEGIN IMMEDIATE")
        migrate(connection, path)
        connection.execute("COMMIT")
    except sqlite3.Error as problem:
        connection.close()
        raise database_unavailable(str(path), problem) from problem
    except StateUnavailable:
        connection.close()
        raise
    return connection


def create_database_file(path: Path) -> None:
    """Create the file, or check that this user owns it and no other user can open it.

    SQLite gives its log and its index the permissions of this file. Raises `OSError`.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_READ_WRITE))
        fsync_directory(path.parent)
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise StateUnavailable(f"{path} is not a file")
    require_owner(path, found)
    if stat.S_IMODE(found.st_mode) != OWNER_READ_WRITE:
        path.chmod(OWNER_READ_WRITE)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Run the migrations that this file has not had, in the transaction of the caller."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise StateUnavailable(
            f"{path} was written by a newer deskwire: its tables have version {version}, "
            f"this deskwire supports version {len(MIGRATIONS)}"
        )
    for migration in MIGRATIONS[version:]:
        for statement in migration:
            connection.execute(statement)
    if version < len(MIGRATIONS):
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def database_unavailable(what: str, problem: sqlite3.Error) -> StateUnavailable:
    """Return the reason in plain words; SQLite's own words are its cause, for the log."""
    code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    reason = REASONS.get(code & 0xFF, "it cannot be used")  # the low byte is the primary code
    return StateUnavailable(f"{what}: {reason}")


def read_commit_stamp(connection: sqlite3.Connection) -> CommitStamp:
    """Return which commit this connection sees.

    The first number changes with the commits of other processes only, the second with those of
    this connection (sqlite.org/pragma.html, data_version).
    """
    (others,) = connection.execute("PRAGMA data_version").fetchone()
    return others, connection.total_changes
