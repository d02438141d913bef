"""The SQLite file: its tables, how an older file becomes a newer one, how it is opened.

`PRAGMA user_version` is the number of steps a file has gone. A step is never edited once it was
released: a change of the tables is a further step. Names of people compare without case (ASCII).
"""

import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

from deskwire.auth.private_files import cannot_use, require_own, sync
from deskwire.model.problems import StateUnavailable

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
        raise cannot_use(path, problem) from None
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
    require_own(path, found)
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
