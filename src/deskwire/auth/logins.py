"""Who is logged in, now.

On disk is what counts; a copy in memory answers `get` and `known` at every message without I/O.
What we change is changed in both; when somebody else changed the file the copy is read anew, and a
login that is missing then has ended: so a password changed by the `deskwire users` command closes
sockets as a log-out does. A login that merely runs out is not an end: its websocket tokens have an
end of their own.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import TypeVar

from deskwire.auth.client_network import neighbourhood
from deskwire.auth.database_watcher import changes
from deskwire.auth.login import Login, all_logins, delete, insert, new_login
from deskwire.auth.login_table import Roll, read_roll
from deskwire.auth.state import DATABASE, Stamp, State, stamp
from deskwire.auth.user import User
from deskwire.model.access import LoginId
from deskwire.model.instant import Instant
from deskwire.model.problems import StateUnavailable
from deskwire.model.units import Seconds

__all__ = ["Login", "Logins"]

T = TypeVar("T")

SETTLE = Seconds(0.02)
"""How long what others change is left to gather, once something was read."""
LOOK_AGAIN = Seconds(0.5)
"""How often the file is read where changes to it cannot be followed."""

log = logging.getLogger("deskwire.login")


class Logins:
    """The living logins; `load` first."""

    def __init__(self, state: State, lifetime: Seconds) -> None:
        self._state = state
        self._lifetime = lifetime
        self._roll = Roll({}, frozenset())
        self._stamp: Stamp | None = None
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

        def write(connection: sqlite3.Connection, before: Roll) -> tuple[None, Roll]:
            gone = insert(connection, login, user.generation, now)
            return None, before.with_login(login, gone)

        await self._change(write, "made room")
        log.info("login began  user=%s from=%s id=%s", login.user, login.address, login.id)
        return login

    async def end(self, login_id: LoginId) -> bool:
        """End a login, on disk before this returns; tell whether there was one.

        Raises `StateUnavailable`, and then it has not ended.
        """

        def strike(connection: sqlite3.Connection, before: Roll) -> tuple[bool, Roll]:
            return delete(connection, login_id), before.without(login_id)

        return await self._change(strike, "logged out")

    def get(self, login_id: LoginId, now: Instant | None = None) -> Login | None:
        """Return a living login; given `now`, only one whose time is not over. No I/O."""
        login = self._roll.living.get(login_id)
        if login is None or (now is not None and login.left(now, self._state.boot_id) <= 0):
            return None
        return login

    def known(self, user_name: str, address: str) -> bool:
        """Tell whether this user logged in from there before. No I/O."""
        return (user_name.lower(), neighbourhood(address)) in self._roll.known

    async def list(self, now: Instant | None = None) -> "list[Login]":
        """Read all logins from disk, the oldest first; given `now`, without those that ran out.

        Raises `StateUnavailable`.
        """
        logins = await self._state.read(all_logins)
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

        def news(connection: sqlite3.Connection) -> tuple[Roll, Stamp] | None:
            found = stamp(connection)
            return None if found == self._stamp else (read_roll(connection), found)

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
        self, work: Callable[[sqlite3.Connection, Roll], tuple[T, Roll]], why: str
    ) -> T:
        """Do `work` on disk and in memory, or in neither; `why` is what it ends logins by.

        `work` is given what is on disk just then, and returns what is afterwards.
        """

        def and_look(connection: sqlite3.Connection) -> tuple[T, Roll, Stamp]:
            same = stamp(connection) == self._stamp
            result, after = work(connection, self._roll if same else read_roll(connection))
            return result, after, stamp(connection)

        async with self._turn:
            result, after, found = await self._state.change(and_look)
            self._replace(after, found, why)
        return result

    def _replace(self, roll: Roll, found: Stamp, why: str) -> None:
        """Put this in the last one's place, and tell of what is missing in it."""
        before, self._roll, self._stamp = self._roll.living, roll, found
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
