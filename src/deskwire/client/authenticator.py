"""The way in: a login, made or renewed when it has to be, and a ticket for each socket.

    no login, or one that is due ──log in──▶ login ──▶ ticket ──▶ a socket
    a login somebody else keeps ───────────────┘

A login that was made here ends here, unless somebody keeps it (a keyring, for the next run).
Renewed early only with a password that is known: nobody is asked for one while the old login
still serves.
"""

import asyncio
import contextlib
from collections.abc import Callable

from deskwire.client.credentials import Credentials, Login, Ticket
from deskwire.client.http import Art, Http
from deskwire.client.reconnect import By
from deskwire.client.timeouts import Pace
from deskwire.model.instant import Instant
from deskwire.model.problems import Problem, WrongCredentials
from deskwire.model.readings import ArtKey

Keep = Callable[[Login], None]
"""Takes every new login, to be handed in again at the next run."""


class Entrance:
    """Gets one person in."""

    def __init__(
        self,
        http: Http,
        credentials: Credentials,
        *,
        login: Login | None,
        keep: Keep | None,
        clock: Callable[[], Instant],
        pace: Pace,
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._login = login
        self._keep = keep
        self._clock = clock
        self._pace = pace
        self._ticket: Ticket | None = None
        self._made: list[Login] = []

    async def ticket(self, by: By) -> Ticket:
        """Return a ticket; the last one again with `By.SAME`.

        Raises `WrongCredentials`, `TokenRefused` where the login has ended, and what `Http` does.
        """
        if by is By.SAME and self._ticket is not None:
            return self._ticket
        login = await self._log_in() if by is By.LOGIN else await self._valid_login()
        self._ticket = await self._http.ticket(login)
        return self._ticket

    async def art(self, key: ArtKey) -> Art | None:
        """Fetch a picture."""
        return await self._http.art(key, await self._valid_login())

    async def leave(self) -> None:
        """End what was begun here, unless it is kept; bounded, and quiet when nobody answers."""
        now = self._clock().wall
        try:
            async with asyncio.timeout(self._pace.farewell):
                for login in self._made:
                    if login.until > now:
                        with contextlib.suppress(Problem):
                            await self._http.log_out(login)
        except TimeoutError:
            pass
        finally:
            self._made.clear()
            await self._http.leave()

    async def _valid_login(self) -> Login:
        login = self._login
        if login is None:
            return await self._log_in()
        if self._credentials.known and login.is_due(self._clock().wall):
            with contextlib.suppress(Problem):
                return await self._log_in()
        return login

    async def _log_in(self) -> Login:
        problem: WrongCredentials | None = None
        for _ in range(self._credentials.tries):
            password = await self._credentials.password(problem)
            try:
                login = await self._http.log_in(self._credentials.username, password)
            except WrongCredentials as wrong:
                problem = wrong
                continue
            self._login = login
            if self._keep is None:
                self._made.append(login)
            else:
                self._keep(login)
            return login
        raise problem or WrongCredentials("no password was given")
