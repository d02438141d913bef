"""Context of a check run: the server, the accounts, the options and shared recordings.

Several clauses examine the same recording, for example four seconds of `stats` or a whole session.
The first clause that needs it makes it; the others read it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from deskwire.conformance.http import Answer, Http, Trust, bearer
from deskwire.conformance.outcome import Broken, NotChecked, expect, short
from deskwire.conformance.socket import Message, Socket, Upgrade, handshake

T = TypeVar("T")


class Account(Struct, frozen=True):
    """A user of the server."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"Account({self.name!r}, …)"


class CheckOptions(Struct, frozen=True):
    """Options of a check run."""

    owner: Account
    watcher: Account | None = None
    """Account with the scope `monitor` only; `None` if there is none."""
    lifetime: float = 1200.0
    """Expected lifetime of a WebSocket token, in seconds."""
    warning: float = 240.0
    """Expected time between the warning and the end of a session, in seconds."""
    patience: float = 60.0
    """Longest time that one clause may wait, in seconds."""
    disturb: bool = False
    """Whether checks may skip tracks and stop players."""


class SocketToken(NamedTuple):
    """Response of `GET /v1/websocket`."""

    token: str
    socket: str


class CheckContext:
    """One server on the context."""

    def __init__(self, http: Http, trust: Trust, options: CheckOptions) -> None:
        self.http = http
        self.options = options
        self._trust = trust
        self._seen: dict[str, asyncio.Future[Any]] = {}

    async def once(self, look: Callable[["CheckContext"], Awaitable[T]]) -> T:
        """Return the result of `look`, which runs only once however many clauses ask."""
        name = look.__qualname__
        if name not in self._seen:
            self._seen[name] = asyncio.ensure_future(look(self))
        seen: T = await asyncio.shield(self._seen[name])
        return seen

    def forget(self) -> None:
        """Cancel recordings that are still running."""
        for looking in self._seen.values():
            looking.cancel()

    # ---- the three steps of the contract: log in, get a token, connect -------------------------

    async def post_login(self, name: str, password: str) -> Answer:
        """Send a login request."""
        return await self.http.log_in(name, password)

    async def new_login(self, person: Account | None = None) -> str:
        """Log in; raises `NotChecked` if the server refuses."""
        who = person or self.options.owner
        answer = await self.post_login(who.name, who.password)
        if answer.status != 200:
            raise NotChecked(f"{who.name} cannot log in: {answer.status} {short(answer.body)}")
        return str(answer.field("data", "token"))

    async def login(self) -> str:
        """Return the login token that clauses share."""
        return await self.once(_log_in)

    async def socket_token(self, login: str | None = None) -> SocketToken:
        """Get a new WebSocket token; raises `NotChecked` if the server refuses."""
        token = login or await self.login()
        answer = await self.http.ask("GET", "/v1/websocket", headers=bearer(token))
        if answer.status != 200:
            raise NotChecked(f"no websocket token: {answer.status} {short(answer.body)}")
        return SocketToken(
            str(answer.field("data", "token")), self._here(answer.field("data", "socket"))
        )

    @asynccontextmanager
    async def connect(
        self, address: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Socket]:
        """Open a socket without authenticating; raises `Broken` if refused."""
        async with self.try_connect(address, headers) as opened:
            if isinstance(opened, Upgrade):
                raise Broken(f"the upgrade was answered {opened.status} {short(opened.body)}")
            yield opened

    @asynccontextmanager
    async def try_connect(
        self, address: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Socket | Upgrade]:
        """Open a socket; yields the response instead if the server refuses the upgrade."""
        async with handshake(address, self._trust, headers) as opened:
            yield opened

    @asynccontextmanager
    async def watch(self, socket_token: SocketToken | None = None) -> AsyncIterator[Socket]:
        """Open a socket, authenticate, and wait for the first `stats`."""
        given = socket_token or await self.socket_token()
        async with self.connect(given.socket) as socket:
            socket.say("auth", given.token)
            await socket.event("stats")
            yield socket

    async def stats(self, socket: Socket, *, within: float = 3.0) -> dict[str, Any]:
        """Return the next `stats`."""
        return read_stats(await socket.event("stats", within=within, since=socket.count))

    def _here(self, address: object) -> str:
        """Return the socket's address; a separate clause checks its form."""
        if not isinstance(address, str) or not address.startswith(("ws://", "wss://")):
            raise Broken(f"not a WebSocket address: {short(address)}")
        return address


def read_stats(received: Message) -> dict[str, Any]:
    """Return the object in a `stats` event; raises `Broken`."""
    stats = received.inner
    expect(isinstance(stats, dict), f"the argument is no object: {short(received.text)}")
    return dict(stats)


async def _log_in(context: CheckContext) -> str:
    return await context.new_login()
