"""Client that is written from the wire contract alone: requests, events and close codes.

It imports nothing of deskwire. It keeps every frame with its time, so that a test can check the
order and the delays afterwards.
"""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any, NamedTuple, Self

import aiohttp

from tests.support.programs import Daemon
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

Stats = dict[str, Any]
"""Content of a `stats` event."""
PlayerStats = dict[str, Any]
"""One player in `stats["audio"]`."""

TRIES = 10
ART = "/v1/img/tmp/"


class Frame(NamedTuple):
    """One text frame."""

    at: float
    """Arrival, time.monotonic()."""
    text: str
    event: str
    args: list[str]

    @property
    def stats(self) -> Stats:
        """The content of a `stats` event."""
        assert self.event == "stats", self.text
        stats: Stats = json.loads(self.args[0])
        return stats

    @property
    def code(self) -> str:
        """The code of an `error` event."""
        assert self.event == "error", self.text
        return str(json.loads(self.args[0])["code"])


class WebSocketToken(NamedTuple):
    """Data of `GET /v1/websocket`."""

    token: str
    socket: str
    """Address to connect to."""


class Socket:
    """One WebSocket with all frames that it has received."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket
        self.frames: list[Frame] = []
        self.closed_at = 0.0
        """Arrival of the close, time.monotonic()."""
        self.reason = ""
        self._tcp_socket = websocket.get_extra_info("socket")
        self._arrived = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def send(self, event: str, *args: str) -> float:
        """Send one event; return the time, time.monotonic()."""
        at = time.monotonic()
        await self.websocket.send_str(json.dumps({"event": event, "args": list(args)}))
        return at

    async def frame(
        self,
        condition: Callable[[Frame], Any] = lambda _: True,
        *,
        within: float = 5.0,
        since: int = 0,
        what: str = "",
    ) -> Frame:
        """Return the first frame from number `since` on that meets a condition."""
        seen = since
        try:
            async with asyncio.timeout(patiently(within)), self._arrived:
                while True:
                    while seen < len(self.frames):
                        if condition(self.frames[seen]):
                            return self.frames[seen]
                        seen += 1
                    if self._reading.done():
                        break
                    await self._arrived.wait()
        except TimeoutError:
            pass
        last = [frame.text for frame in self.frames[-3:]]
        raise AssertionError(
            f"not seen within {patiently(within):g} s: {what or condition}; "
            f"frames: {len(self.frames)}, close: {self.websocket.close_code}, the last: {last}"
        )

    async def stats(
        self,
        condition: Callable[[Stats], Any] = lambda _: True,
        *,
        within: float = 5.0,
        since: int | None = None,
        what: str = "",
    ) -> Stats:
        """Return the first `stats` that meet a condition, from the newest frame or `since` on."""
        frame = await self.frame(
            lambda frame: frame.event == "stats" and condition(frame.stats),
            within=within,
            since=max(len(self.frames) - 1, 0) if since is None else since,
            what=what,
        )
        return frame.stats

    async def error(self, *, within: float = 5.0, since: int = 0) -> Frame:
        """Return the first `error` event from number `since` on."""
        return await self.frame(
            lambda frame: frame.event == "error", within=within, since=since, what="an error"
        )

    async def more_frames(self, number: int, *, within: float = 5.0) -> None:
        """Wait for this many further frames."""
        await self.frame(since=self.count + number - 1, within=within, what="more frames")

    async def closed(self, *, within: float = 5.0) -> int:
        """Wait until the desk has closed the socket; return the code."""
        async with asyncio.timeout(patiently(within)):
            await asyncio.wait([self._reading])
        assert self.websocket.close_code is not None
        return self.websocket.close_code

    def longest_gap(self, since: int = 0) -> float:
        """Return the longest time between two frames in seconds."""
        return max(later.at - earlier.at for earlier, later in pairwise(self.frames[since:]))

    @property
    def count(self) -> int:
        """Number of frames so far."""
        return len(self.frames)

    @property
    def open(self) -> bool:
        return not self._reading.done()

    async def leave(self) -> None:
        """Close the socket and wait until the connection is gone."""
        await self.websocket.close()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await until_async(lambda: self._tcp_socket.fileno() == -1, what="the connection is gone")

    async def _read(self) -> None:
        while (message := await self.websocket.receive()).type is aiohttp.WSMsgType.TEXT:
            content = json.loads(message.data)
            frame = Frame(time.monotonic(), message.data, content["event"], content["args"])
            async with self._arrived:
                self.frames.append(frame)
                self._arrived.notify_all()
        if message.type is aiohttp.WSMsgType.CLOSE:
            self.reason = message.extra or ""
        self.closed_at = time.monotonic()
        async with self._arrived:
            self._arrived.notify_all()


class Client:
    """One user's client of a daemon; it trusts the fingerprint that the daemon printed."""

    def __init__(self, daemon: Daemon, user: str = "owner", password: str = "") -> None:
        self.daemon = daemon
        self.user = user
        self.password = password or daemon.owner_password
        self.login_token = ""
        self._http: aiohttp.ClientSession | None = None

    async def request(self, method: str, path: str, **more: Any) -> "Response":
        """Send one HTTP request; return the complete response."""
        assert self._http is not None
        async with self._http.request(method, self.daemon.address + path, **more) as response:
            return Response(response.status, response.headers, await response.read())

    async def login(self) -> "Response":
        """Log in and keep the token."""
        credentials = {"username": self.user, "password": self.password}
        response = await self.request("POST", "/v1/login", json=credentials)
        if response.status == 200:
            self.login_token = response.json["data"]["token"]
        return response

    async def logout(self) -> "Response":
        """End the login."""
        return await self.request("POST", "/v1/logout", headers=bearer(self.login_token))

    async def websocket_token(self) -> WebSocketToken:
        """Request a WebSocket token; log in first if necessary."""
        if not self.login_token:
            response = await self.login()
            assert response.status == 200, response
        response = await self.request("GET", "/v1/websocket", headers=bearer(self.login_token))
        assert response.status == 200, response
        assert response.json["object"] == "websocket_token"
        data = response.json["data"]
        return WebSocketToken(data["token"], data["socket"])

    @asynccontextmanager
    async def connect(self, address: str, *, origin: str | None = None) -> AsyncIterator[Socket]:
        """Open a socket without auth; a browser would send an `origin`."""
        assert self._http is not None
        socket = Socket(await self._http.ws_connect(address, origin=origin))
        try:
            yield socket
        finally:
            await socket.leave()

    @asynccontextmanager
    async def authenticated(self, token: WebSocketToken | None = None) -> AsyncIterator[Socket]:
        """Open a socket and send `auth`."""
        token = token or await self.websocket_token()
        async with self.connect(token.socket) as socket:
            await socket.send("auth", token.token)
            yield socket

    @asynccontextmanager
    async def watch(self, token: WebSocketToken | None = None) -> AsyncIterator[Socket]:
        """Open a socket, authenticate and wait for the first `stats`."""
        async with self.authenticated(token) as socket:
            await socket.stats()
            yield socket

    async def first_stats(self) -> tuple[float, Stats]:
        """Return the seconds from `auth` to the first `stats` of a new socket, and the `stats`."""
        token = await self.websocket_token()
        async with self.connect(token.socket) as socket:
            sent = await socket.send("auth", token.token)
            first = await socket.frame(what="a first frame")
        return first.at - sent, first.stats

    async def complete_stats(self, keys: AbstractSet[str]) -> tuple[float, Stats]:
        """Return the first `stats` of a new socket that has all these keys, with its delay.

        On a busy machine the first `stats` may lack a late device, so this tries several times.
        """
        stats: Stats = {}
        for _ in range(TRIES):
            delay, stats = await self.first_stats()
            if set(stats) >= keys:
                return delay, stats
        raise AssertionError(f"incomplete in {TRIES} tries: {set(stats) ^ keys}")

    async def __aenter__(self) -> Self:
        trust: bool | aiohttp.Fingerprint = True
        if self.daemon.fingerprint:
            trust = aiohttp.Fingerprint(bytes.fromhex(self.daemon.fingerprint))
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._http is not None
        await self._http.close()
        for _turn in range(3):
            await asyncio.sleep(0)  # the loop closes aborted transports in its next turns


class Response(NamedTuple):
    """One HTTP response."""

    status: int
    headers: Mapping[str, str]
    """Names are case-insensitive."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error body, whose shape is checked."""
        assert set(self.json) == {"object", "data"}
        assert self.json["object"] == "error"
        assert set(self.json["data"]) == {"code", "message"}
        return str(self.json["data"]["code"])


def bearer(token: str) -> dict[str, str]:
    """Return the header with a token."""
    return {"Authorization": f"Bearer {token}"}


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a token, unverified."""
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def player_named(stats: Stats, title: str) -> PlayerStats:
    """Return the player whose track has this title, or an empty one."""
    found: PlayerStats = next((each for each in stats["audio"] if each["title"] == title), {})
    return found


def player_by_id(stats: Stats, player: str) -> PlayerStats:
    """Return the player with this id, or an empty one."""
    found: PlayerStats = next((each for each in stats["audio"] if each["id"] == player), {})
    return found


def art_path(art_url: str) -> str:
    """Return the path that an art address names."""
    assert art_url.startswith(ART)
    return base64.urlsafe_b64decode(art_url.removeprefix(ART)).decode()


def art_address(path: str) -> str:
    """Return the art address of a path."""
    return ART + base64.urlsafe_b64encode(path.encode()).decode()
