"""Where a server is judged: how it is reached, who logs in, and what has been seen once for all.

Several clauses look at the same happening, seconds of watching or a session's whole life; it
is gone through once and each clause looks at what was written down.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from deskwire.conformance.http import Answer, Http, bearer
from deskwire.conformance.socket import Heard, Socket, Upgrade, handshake
from deskwire.conformance.trust import Trust
from deskwire.conformance.verdicts import Broken, NotJudged, expect, short

T = TypeVar("T")


class Person(Struct, frozen=True):
    """Somebody the server knows."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"Person({self.name!r}, …)"


class Terms(Struct, frozen=True):
    """What the judge may do and has to know."""

    owner: Person
    watcher: Person | None = None
    """Who may see the desk and not move it."""
    lifetime: float = 1200.0
    """Seconds a websocket token is to live."""
    warning: float = 240.0
    """Seconds before its end a session is to be warned."""
    patience: float = 60.0
    """Seconds that any one clause may wait."""
    disturb: bool = False
    """Whether tracks may be skipped and players stopped."""


class Ticket(NamedTuple):
    """What `GET /v1/websocket` gave."""

    token: str
    socket: str


class Bench:
    """One server on the bench."""

    def __init__(self, http: Http, trust: Trust, terms: Terms) -> None:
        self.http = http
        self.terms = terms
        self._trust = trust
        self._seen: dict[str, asyncio.Future[Any]] = {}

    async def once(self, look: Callable[["Bench"], Awaitable[T]]) -> T:
        """Return what `look` saw; it looks once, however many clauses ask."""
        name = look.__qualname__
        if name not in self._seen:
            self._seen[name] = asyncio.ensure_future(look(self))
        seen: T = await asyncio.shield(self._seen[name])
        return seen

    def forget(self) -> None:
        """Stop looking at whatever is still being looked at."""
        for looking in self._seen.values():
            looking.cancel()

    # ---- the contract's three steps, for clauses that are about something after them ---------

    async def post_login(self, name: str, password: str) -> Answer:
        """Send a log-in, right or wrong."""
        return await self.http.log_in(name, password)

    async def new_login(self, person: Person | None = None) -> str:
        """Log in; raises `NotJudged` where that does not go."""
        who = person or self.terms.owner
        answer = await self.post_login(who.name, who.password)
        if answer.status != 200:
            raise NotJudged(f"{who.name} cannot log in: {answer.status} {short(answer.body)}")
        return str(answer.field("data", "token"))

    async def login(self) -> str:
        """The login token that clauses share."""
        return await self.once(_log_in)

    async def ticket(self, login: str | None = None) -> Ticket:
        """Fetch a new websocket token; raises `NotJudged` where that does not go."""
        token = login or await self.login()
        answer = await self.http.ask("GET", "/v1/websocket", headers=bearer(token))
        if answer.status != 200:
            raise NotJudged(f"no websocket token: {answer.status} {short(answer.body)}")
        return Ticket(
            str(answer.field("data", "token")), self._here(answer.field("data", "socket"))
        )

    @asynccontextmanager
    async def connect(
        self, address: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Socket]:
        """Open a socket and say nothing; raises `Broken` if the upgrade is refused."""
        async with self.try_connect(address, headers) as opened:
            if isinstance(opened, Upgrade):
                raise Broken(f"the upgrade was answered {opened.status} {short(opened.body)}")
            yield opened

    @asynccontextmanager
    async def try_connect(
        self, address: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Socket | Upgrade]:
        """Open a socket, or get the answer that refuses it."""
        async with handshake(address, self._trust, headers) as opened:
            yield opened

    @asynccontextmanager
    async def watch(self, ticket: Ticket | None = None) -> AsyncIterator[Socket]:
        """Open a socket, authenticate, and wait for the first `stats`."""
        given = ticket or await self.ticket()
        async with self.connect(given.socket) as socket:
            socket.say("auth", given.token)
            await socket.event("stats")
            yield socket

    async def stats(self, socket: Socket, *, within: float = 3.0) -> dict[str, Any]:
        """Return the next `stats`."""
        return read_stats(await socket.event("stats", within=within, since=socket.count))

    def _here(self, address: object) -> str:
        """Return the socket's address; a clause of its own judges whether it is right."""
        if not isinstance(address, str) or not address.startswith(("ws://", "wss://")):
            raise Broken(f"no address of a socket: {short(address)}")
        return address


def read_stats(heard: Heard) -> dict[str, Any]:
    """Return the object in a `stats` event; raises `Broken`."""
    stats = heard.inner
    expect(isinstance(stats, dict), f"the argument is no object: {short(heard.text)}")
    return dict(stats)


async def _log_in(bench: Bench) -> str:
    return await bench.new_login()
