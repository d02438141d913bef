"""The SQLite file: its tables, how an older file becomes a newer one, how it is opened.

`PRAGMA user_version` is the number of steps a file has gone. A step is never edited once it was
released: a change of the tables is a further step. Names of people compare without case (ASCII).
"""

import asyncio
import logging
import os
import secrets
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
    create_private_directory,
    load_or_create_secret,
    require_owner,
    sync,
    unusable,
)

PATIENCE = 5.0
"""Seconds a statement waits for another process's transaction."""

STEPS: tuple[tuple[str, ...], ...] = (
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
            boot TEXT NOT NULL,         -- in which boot it began
            boot_expires REAL NOT NULL  -- CLOCK_BOOTTIME of that boot
        ) STRICT
        """,
        "CREATE INDEX logins_of_user ON logins (user)",
        """
        CREATE TABLE known_addresses (
            user TEXT NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
            neighbourhood TEXT NOT NULL,
            UNIQUE (user, neighbourhood)
        ) STRICT
        """,
    ),
)

REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another process holds it",
    sqlite3.SQLITE_LOCKED: "another process holds it",
    sqlite3.SQLITE_READONLY: "it cannot be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is not a database",
    sqlite3.SQLITE_IOERR: "the disk fails",
}


def connect(path: Path) -> sqlite3.Connection:
    """Open the file (0600), made if there is none, its tables up to date; blocks.

    The connection leaves transactions to the caller. Raises `StateUnavailable`.
    """
    try:
        make_file(path)
    except OSError as problem:
        raise unusable(path, problem) from None
    connection = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("BEGIN IMMEDIATE")
        bring_up_to_date(connection, path)
        connection.execute("COMMIT")
    except sqlite3.Error as problem:
        connection.close()
        raise unavailable(str(path), problem) from problem
    except StateUnavailable:
        connection.close()
        raise
    return connection


def make_file(path: Path) -> None:
    """Make the file, or see that it is ours and closed to others; raises `OSError`.

    SQLite gives its log and its index the permissions of the file itself.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR))
        sync(path.parent)
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise StateUnavailable(f"{path} is not a file")
    require_owner(path, found)
    if stat.S_IMODE(found.st_mode) != stat.S_IRUSR | stat.S_IWUSR:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Take the steps this file has not gone, within a transaction of the caller's."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(STEPS):
        raise StateUnavailable(
            f"{path} was written by a newer deskwire: "
            f"its tables are version {version}, this one knows {len(STEPS)}"
        )
    for step in STEPS[version:]:
        for statement in step:
            connection.execute(statement)
    if version < len(STEPS):
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")


def unavailable(what: str, problem: sqlite3.Error) -> StateUnavailable:
    """Say in plain words why `what` cannot be used; SQLite's own are its cause, for the log."""
    code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    reason = REASONS.get(code & 0xFF, "it cannot be used")  # the low byte is the primary code
    return StateUnavailable(f"{what}: {reason}")


T = TypeVar("T")

CommitStamp = tuple[int, int]
"""Another after each commit, whosever it was."""

DATABASE = "state.db"
MACHINE_ID = Path("/etc/machine-id")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

log = logging.getLogger("deskwire.state")


class StateDirectory:
    """The state directory of one desk, open."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, boot_id: str) -> None:
        self.folder = folder
        self.boot_id = boot_id
        """Which boot of the machine this is; another string after each."""
        self._connection = connection
        self._trouble = ""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="state")

    @classmethod
    def open(cls, folder: Path, *, boot_id: Path = BOOT_ID) -> "StateDirectory":
        """Open the folder, made if there is none; blocks.

        Raises `StateUnavailable` with one line that names the path and says what is wrong.
        """
        create_private_directory(folder, owned_if_contains=DATABASE)
        return cls(folder, connect(folder / DATABASE), read_boot_id(boot_id))

    def secret(self, name: str, size: int) -> bytes:
        """Return the `size` random bytes of the file `NAME.key`, made at the first call; blocks.

        Raises `StateUnavailable`, which names the file if it holds another number of bytes.
        """
        return load_or_create_secret(self.folder / f"{name}.key", size)

    def desk_id(self, machine_id: Path = MACHINE_ID) -> str:
        """Return the desk's UUID, the same at every start; blocks.

        Derived from the machine's id and the person's; where the machine had none at the first
        start, random and kept in the file `desk.id`. Raises `StateUnavailable`.
        """
        kept = self.folder / "desk.id"
        machine = None if kept.exists() else identity.parse_machine_id(read_text(machine_id))
        if machine is None:
            return str(UUID(bytes=load_or_create_secret(kept, 16), version=4))
        return str(identity.desk_of(machine, os.getuid()))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the state's own thread, in a transaction that sees one moment.

        Raises `StateUnavailable`, and what `work` raises.
        """
        return await self._run("BEGIN", work)

    async def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` likewise, in a transaction that is on disk when this returns.

        When it raises, nothing was changed.
        """
        return await self._run("BEGIN IMMEDIATE", work)

    def close(self) -> None:
        """Finish what was begun and close; returns at once, the process's end waits for it."""
        with suppress(RuntimeError):  # closed already
            self._worker.submit(self._connection.close)
        self._worker.shutdown(wait=False)

    async def _run(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            running = self._worker.submit(self._transact, begin, work)
        except RuntimeError:
            raise StateUnavailable("the desk's state is closed") from None
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
            told = unavailable("the desk's state", problem)
            self._is_unusable(told.message)
            raise told from problem
        if connection.total_changes != before:
            self._is_written()
            # A commit becomes visible in shared memory, where inotify(7) sees nothing: this is
            # what tells the other processes (auth/changes.py).
            with suppress(OSError):
                os.utime(self.folder / DATABASE)
        return result

    def _is_unusable(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("%s; until it is not, nobody logs in or out", trouble)
            self._trouble = trouble

    def _is_written(self) -> None:
        if self._trouble:
            log.info("the desk's state: it is written again")
            self._trouble = ""


def read_commit_stamp(connection: sqlite3.Connection) -> CommitStamp:
    """Say which commit this connection sees: another process's, or one of its own.

    The first number changes with the former only (sqlite.org/pragma.html, data_version), the second
    with the latter.
    """
    (others,) = connection.execute("PRAGMA data_version").fetchone()
    return others, connection.total_changes


def read_boot_id(path: Path) -> str:
    """Return which boot this is; a string never seen before where the kernel does not tell."""
    boot = identity.parse_boot_id(read_text(path)) or secrets.token_bytes(16)
    return identity.derived(boot, identity.BOOT).hex


def read_text(path: Path) -> str:
    """Return what a small file says, or nothing if it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
