"""A client that knows nothing but the wire contract: its requests, events and close codes.

It keeps every frame with the moment it came, so a test can ask what had been seen when. Nothing of
deskwire is imported here, on purpose.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, Self

import aiohttp

from tests.support.desk import Desk
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

Stats = dict[str, Any]

TRIES = 10


class Frame(NamedTuple):
    """One text frame."""

    at: float
    """When it came, time.monotonic()."""
    text: str
    event: str
    args: list[str]

    @property
    def stats(self) -> Stats:
        """The reading in a `stats` event."""
        assert self.event == "stats", self.text
        reading: Stats = json.loads(self.args[0])
        return reading

    @property
    def code(self) -> str:
        """The code in an `error` event."""
        assert self.event == "error", self.text
        return str(json.loads(self.args[0])["code"])


class SocketToken(NamedTuple):
    """What `GET /v1/websocket` gives."""

    token: str
    socket: str


class Screen:
    """One socket and everything it said."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[Frame] = []
        self.closed_at = 0.0
        """When the close came, time.monotonic()."""
        self.reason = ""
        self._wire = socket.get_extra_info("socket")
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def send(self, event: str, *args: str) -> float:
        """Send one event; return the moment, time.monotonic()."""
        at = time.monotonic()
        await self.socket.send_str(json.dumps({"event": event, "args": list(args)}))
        return at

    async def see(
        self,
        condition: Callable[[Frame], Any],
        *,
        within: float = 5.0,
        since: int = 0,
        what: str = "",
    ) -> Frame:
        """Return the first frame from number `since` on that meets the condition."""
        seen = since
        try:
            async with asyncio.timeout(patiently(within)), self._news:
                while True:
                    while seen < len(self.frames):
                        if condition(self.frames[seen]):
                            return self.frames[seen]
                        seen += 1
                    if self._reading.done():
                        break
                    await self._news.wait()
        except TimeoutError:
            pass
        last = [frame.text for frame in self.frames[-3:]]
        raise AssertionError(
            f"not seen within {patiently(within):g} s: {what or condition}; "
            f"frames: {len(self.frames)}, close: {self.socket.close_code}, the last: {last}"
        )

    async def stats(
        self,
        condition: Callable[[Stats], Any] = lambda _: True,
        *,
        within: float = 5.0,
        since: int | None = None,
        what: str = "",
    ) -> Stats:
        """Return the first reading that meets the condition, the newest one known or a later.

        With `since`, the first from that frame number on.
        """
        start = max(len(self.frames) - 1, 0) if since is None else since
        frame = await self.see(
            lambda frame: frame.event == "stats" and condition(frame.stats),
            within=within,
            since=start,
            what=what,
        )
        return frame.stats

    async def error(self, *, within: float = 5.0, since: int = 0) -> Frame:
        """Return the first `error` event."""
        return await self.see(
            lambda frame: frame.event == "error", within=within, since=since, what="an error"
        )

    async def closed(self, *, within: float = 5.0) -> int:
        """Wait until the desk has closed the socket; return the code."""
        async with asyncio.timeout(patiently(within)):
            await asyncio.wait([self._reading])
        assert self.socket.close_code is not None
        return self.socket.close_code

    @property
    def count(self) -> int:
        """How many frames have come: the number of the next."""
        return len(self.frames)

    @property
    def open(self) -> bool:
        """Whether no close has come."""
        return not self._reading.done()

    async def leave(self) -> None:
        """Close it as a client does, and wait until the connection is gone."""
        await self.socket.close()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await until_async(lambda: self._wire.fileno() == -1, what="the connection is gone")

    async def _read(self) -> None:
        while (message := await self.socket.receive()).type is aiohttp.WSMsgType.TEXT:
            content = json.loads(message.data)
            frame = Frame(time.monotonic(), message.data, content["event"], content["args"])
            async with self._news:
                self.frames.append(frame)
                self._news.notify_all()
        if message.type is aiohttp.WSMsgType.CLOSE:
            self.reason = message.extra or ""
        self.closed_at = time.monotonic()
        async with self._news:
            self._news.notify_all()


class Client:
    """One person's client of one desk; it trusts the fingerprint the desk printed."""

    def __init__(self, desk: Desk, user: str = "owner", password: str = "") -> None:
        self.desk = desk
        self.user = user
        self.password = password or desk.owner_password
        self.login_token = ""
        self._http: aiohttp.ClientSession | None = None

    async def request(self, method: str, path: str, **more: Any) -> "Answer":
        """Send one HTTP request and read its answer whole."""
        assert self._http is not None
        async with self._http.request(method, self.desk.address + path, **more) as response:
            return Answer(response.status, response.headers, await response.read())

    async def login(self) -> "Answer":
        """Log in and keep the token."""
        credentials = {"username": self.user, "password": self.password}
        answer = await self.request("POST", "/v1/login", json=credentials)
        if answer.status == 200:
            self.login_token = answer.json["data"]["token"]
        return answer

    async def ticket(self) -> SocketToken:
        """Ask for a websocket token; log in first if that has not been done."""
        if not self.login_token:
            answer = await self.login()
            assert answer.status == 200, answer
        answer = await self.request("GET", "/v1/websocket", headers=bearer(self.login_token))
        assert answer.status == 200, answer
        assert answer.json["object"] == "websocket_token"
        return SocketToken(answer.json["data"]["token"], answer.json["data"]["socket"])

    @asynccontextmanager
    async def connect(self, address: str, *, origin: str | None = None) -> AsyncIterator[Screen]:
        """Open a socket and say nothing; a browser would name an `origin`."""
        assert self._http is not None
        socket = await self._http.ws_connect(address, origin=origin)
        screen = Screen(socket)
        try:
            yield screen
        finally:
            await screen.leave()

    @asynccontextmanager
    async def watch(self, ticket: SocketToken | None = None) -> AsyncIterator[Screen]:
        """Open a socket, authenticate and wait for the first reading."""
        ticket = ticket or await self.ticket()
        async with self.connect(ticket.socket) as screen:
            await screen.send("auth", ticket.token)
            await screen.stats()
            yield screen

    async def first_reading(self) -> tuple[float, Stats]:
        """Open a socket for the first reading alone; return it and how long after auth it came."""
        ticket = await self.ticket()
        async with self.connect(ticket.socket) as screen:
            asked = await screen.send("auth", ticket.token)
            first = await screen.see(lambda _: True, what="a first word")
        return first.at - asked, first.stats

    async def whole_reading(self, keys: AbstractSet[str]) -> tuple[float, Stats]:
        """Return a first reading that has all of these, and how long after auth it came.

        A first reading waits for nobody, and where the machine is busy one may lack what was late.
        """
        stats: Stats = {}
        for _ in range(TRIES):
            delay, stats = await self.first_reading()
            if set(stats) >= keys:
                return delay, stats
        raise AssertionError(f"never whole in {TRIES} tries: {set(stats) ^ keys}")

    async def __aenter__(self) -> Self:
        trust: bool | aiohttp.Fingerprint = True
        if self.desk.fingerprint:
            trust = aiohttp.Fingerprint(bytes.fromhex(self.desk.fingerprint))
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust))
        return self

    async def __aexit__(self, *of: object) -> None:
        assert self._http is not None
        await self._http.close()
        for _ in range(3):
            await asyncio.sleep(0)  # what was aborted is closed in the loop's next turns


class Answer(NamedTuple):
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    """Case does not count in the names."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code, its shape checked."""
        assert set(self.json) == {"object", "data"}
        assert self.json["object"] == "error"
        assert set(self.json["data"]) == {"code", "message"}
        return str(self.json["data"]["code"])


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}
