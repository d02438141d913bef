"""What must outlive the daemon: one folder, and one SQLite file in it.

A write-ahead log with synchronous=FULL: a change is on disk before it is answered, and a kill or
a power cut leaves the last answered state, never half of one (sqlite.org/wal.html). The commands
`deskwire users` and `logins` write to the same file while the daemon runs. A disk that is full is
spoken of once, and once more when it takes something again.
"""

import asyncio
import logging
import os
import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from deskwire.auth import identity
from deskwire.auth.database import connect, unavailable
from deskwire.auth.private_files import kept_secret, make_private
from deskwire.model.problems import StateUnavailable

T = TypeVar("T")

Stamp = tuple[int, int]
"""Another after each commit, whosever it was."""

DATABASE = "state.db"
MACHINE_ID = Path("/etc/machine-id")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

log = logging.getLogger("deskwire.state")


class State:
    """The state directory of one desk, open."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, boot_id: str) -> None:
        self.folder = folder
        self.boot_id = boot_id
        """Which boot of the machine this is; another string after each."""
        self._connection = connection
        self._trouble = ""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="state")

    @classmethod
    def open(cls, folder: Path, *, boot_id: Path = BOOT_ID) -> "State":
        """Open the folder, made if there is none; blocks.

        Raises `StateUnavailable` with one line that names the path and says what is wrong.
        """
        make_private(folder, sign_of_ours=DATABASE)
        return cls(folder, connect(folder / DATABASE), read_boot_id(boot_id))

    def secret(self, name: str, size: int) -> bytes:
        """Return the `size` random bytes of the file `NAME.key`, made at the first call; blocks.

        Raises `StateUnavailable`, which names the file if it holds another number of bytes.
        """
        return kept_secret(self.folder / f"{name}.key", size)

    def desk_id(self, machine_id: Path = MACHINE_ID) -> str:
        """Return the desk's UUID, the same at every start; blocks.

        Derived from the machine's id and the person's; where the machine had none at the first
        start, random and kept in the file `desk.id`. Raises `StateUnavailable`.
        """
        kept = self.folder / "desk.id"
        machine = None if kept.exists() else identity.parse_machine_id(read_text(machine_id))
        if machine is None:
            return str(UUID(bytes=kept_secret(kept, 16), version=4))
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


def stamp(connection: sqlite3.Connection) -> Stamp:
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
