"""Authenticator: logs in when needed and gets a WebSocket token for each socket.

    no login, or one that is due ──log in──▶ login ──▶ WebSocket token ──▶ socket
    a stored login ────────────────────────────┘

A login made here is ended here, unless the caller stores it, for example in a keyring. A login is
renewed early only with a known password: no user is asked while the old login still works.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deskwire.client.credentials import Credentials, Login, SocketToken
from deskwire.client.http import Art, Http
from deskwire.client.reconnect import ConnectWith
from deskwire.client.timeouts import Timeouts
from deskwire.model.instant import Instant
from deskwire.model.problems import Problem, WrongCredentials
from deskwire.model.readings import ArtKey

KeepLogin = Callable[[Login], None]
"""Callback that stores a new login for the next run."""


class Authenticator:
    """Logs one user in."""

    def __init__(
        self,
        http: Http,
        credentials: Credentials,
        *,
        login: Login | None,
        keep: KeepLogin | None,
        clock: Callable[[], Instant],
        timeouts: Timeouts,
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._login = login
        self._keep = keep
        self._clock = clock
        self._timeouts = timeouts
        self._socket_token: SocketToken | None = None
        self._made: list[Login] = []

    async def socket_token(self, connect_with: ConnectWith) -> SocketToken:
        """Return a WebSocket token; the last one again for `ConnectWith.SAME`.

        Raises `WrongCredentials`, `TokenRefused` if the login has ended, and the problems of
        `Http`.
        """
        if connect_with is ConnectWith.SAME and self._socket_token is not None:
            return self._socket_token
        self._socket_token = await self.new_socket_token(connect_with)
        return self._socket_token

    async def new_socket_token(self, connect_with: ConnectWith) -> SocketToken:
        """Return a new WebSocket token, for a further socket; raises as `socket_token`."""
        login = (
            await self._log_in() if connect_with is ConnectWith.LOGIN else await self._valid_login()
        )
        return await self._http.socket_token(login)

    async def art(self, key: ArtKey) -> Art | None:
        """Fetch a picture."""
        return await self._http.art(key, await self._valid_login())

    async def readings(self, topics: Sequence[str]) -> dict[str, Any]:
        """Get the readings of these topics."""
        return await self._http.readings(topics, await self._valid_login())

    async def perform(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Have a command carried out."""
        await self._http.perform(name, arguments, await self._valid_login())

    async def leave(self) -> None:
        """End the logins made here, within a bound; errors are ignored."""
        now = self._clock().wall
        try:
            async with asyncio.timeout(self._timeouts.closing):
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
