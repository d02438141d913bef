"""A desk without a desk, in the test's own event loop: it does what the test says, when it says it.

It speaks the wire contract (without TLS unless given a context) and knows nothing of deskwire's
code, on purpose. What was asked of it is kept, so a test can count.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.support.waiting import until_async

PASSWORD = "correct horse"


class ScriptedSocket:
    """One authenticated socket, from the desk's side."""

    def __init__(self, desk: "ScriptedDesk", ws: web.WebSocketResponse, token: str) -> None:
        self._desk = desk
        self._ws = ws
        self.token = token
        self.opened_at = time.monotonic()
        self.commands: list[tuple[str, list[str]]] = []
        self.pongs: list[bytes] = []
        """What it answered pings with."""
        self.transport: asyncio.Transport | None = None

    async def stats(self, **keys: Any) -> None:
        """Say how the desk is: what it was, and these keys."""
        self._desk.reading.update(keys)
        await self.say("stats", json.dumps(self._desk.reading))

    async def say(self, event: str, *args: str) -> None:
        """Say anything."""
        await self._ws.send_str(json.dumps({"event": event, "args": list(args)}))

    async def ping(self, payload: bytes) -> None:
        """Ask whether it is there."""
        await self._ws.ping(payload)

    async def expire(self) -> None:
        """Warn that the session ends."""
        await self.say("session expiring ", "[10:30:45]: Your Session will expire")

    async def refuse(self, code: str, message: str = "no") -> None:
        """Refuse something."""
        await self.say("error", json.dumps({"code": code, "message": message}))

    async def close(self, code: int) -> None:
        """Close it with a code."""
        await self._ws.close(code=code)

    def drop(self) -> None:
        """Cut it without a word."""
        assert self.transport is not None
        self.transport.abort()

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._ws.closed

    @property
    def close_code(self) -> int | None:
        """What the client closed it with."""
        return self._ws.close_code


class ScriptedDesk:
    """One desk; enter it to open its door."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.address = ""
        self.password = PASSWORD
        self.login_lifetime = 600.0
        self.logins: list[str] = []
        """Login tokens given, oldest first."""
        self.asked: list[tuple[float, str, str]] = []
        """Every request: time.monotonic(), method, path."""
        self.socket_tokens: list[str] = []
        self.ended: set[str] = set()
        """Login tokens that are no longer believed."""
        self.sockets: list[ScriptedSocket] = []
        """Authenticated ones, oldest first."""
        self.reading: dict[str, Any] = {"uptime": 1, "audio": []}
        self.refuse_with: dict[str, tuple[int, str, dict[str, str]]] = {}
        """Path to the status, code and headers it is answered with."""
        self.close_after_auth: int | None = None
        self.first_stats: Callable[[], dict[str, Any] | None] = lambda: self.reading
        """What a new socket is told first; `None` is nothing."""
        self.obeys = False
        """Whether a player does as it is told, and one that is not there is refused."""
        self.opens = asyncio.Event()
        """While it is not set, a new socket waits at the door."""
        self.opens.set()
        self.socket_address = ""
        """Address that WebSocket tokens name instead of this desk's own socket."""
        self._runner: web.ServerRunner | None = None
        self._clients: set[web.WebSocketResponse] = set()

    @property
    def socket(self) -> ScriptedSocket:
        """The newest socket."""
        return self.sockets[-1]

    async def has_socket(self, number: int) -> ScriptedSocket:
        """Wait until there have been so many sockets; return that one."""
        await until_async(
            lambda: len(self.sockets) >= number, within=5, what=f"socket number {number}"
        )
        return self.sockets[number - 1]

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked == path for _, _, asked in self.asked)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((time.monotonic(), request.method, request.path))
        if request.path in self.refuse_with:
            status, code, headers = self.refuse_with[request.path]
            return error(status, code, headers)
        answer = {
            "/v1/login": self._log_in,
            "/v1/logout": self._log_out,
            "/v1/websocket": self._ticket,
            "/v1/monitor/desk/ws": self._socket,
        }.get(request.path, self._art)
        return await answer(request)

    async def _log_in(self, request: web.BaseRequest) -> web.Response:
        if (await request.json())["password"] != self.password:
            return error(401, "wrong_credentials")
        self.logins.append(f"login{len(self.logins) + 1}")
        until = datetime.fromtimestamp(time.time() + self.login_lifetime, UTC).isoformat()
        return told("login_token", {"token": self.logins[-1], "expires_at": until})

    async def _log_out(self, request: web.BaseRequest) -> web.Response:
        self.ended.add(bearer(request))
        return web.Response(status=204)

    async def _art(self, request: web.BaseRequest) -> web.Response:
        if request.path.startswith("/v1/img/tmp/") and bearer(request) in self.logins:
            return web.Response(body=request.path.encode(), content_type="image/png")
        return error(404, "not_found")

    async def _ticket(self, request: web.BaseRequest) -> web.Response:
        token = bearer(request)
        if token in self.ended or token not in self.logins:
            return error(401, "token_refused")
        self.socket_tokens.append(f"ticket{len(self.socket_tokens) + 1}")
        address = (
            self.socket_address or f"{self.address.replace('http', 'ws', 1)}/v1/monitor/desk/ws"
        )
        return told("websocket_token", {"token": self.socket_tokens[-1], "socket": address})

    async def _socket(self, request: web.BaseRequest) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(autoping=False, timeout=0.2)
        await self.opens.wait()
        await ws.prepare(request)
        self._clients.add(ws)
        auth = await ws.receive_json()
        assert auth["event"] == "auth"
        socket = ScriptedSocket(self, ws, auth["args"][0])
        socket.transport = request.transport
        if self.close_after_auth is not None:
            await ws.close(code=self.close_after_auth)
            return ws
        self.sockets.append(socket)
        first = self.first_stats()
        if first is not None:
            await socket.say("stats", json.dumps(first))
        async for message in ws:
            if message.type is WSMsgType.PING:
                await ws.pong(message.data)
            elif message.type is WSMsgType.PONG:
                socket.pongs.append(bytes(message.data))
            elif message.type is WSMsgType.TEXT:
                content = json.loads(message.data)
                socket.commands.append((content["event"], content["args"]))
                if self.obeys:
                    await self._obey(socket, *socket.commands[-1])
        return ws

    async def _obey(self, socket: ScriptedSocket, event: str, args: list[str]) -> None:
        for player in self.reading["audio"]:
            if player["id"] == args[0]:
                if event == "audio-play-pause":
                    player["playing"] = not player["playing"]
                elif event == "audio-stop":
                    player["playing"] = False
                else:
                    player["title"] = f"after {event} number {len(socket.commands)}"
                await socket.stats()
                return
        await socket.refuse("unknown_player")

    async def __aenter__(self) -> Self:
        runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._context)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.address = f"{'http' if self._context is None else 'https'}://{host}:{port}"
        self._runner = runner
        return self

    async def __aexit__(self, *_: object) -> None:
        for ws in self._clients:
            await ws.close()
        assert self._runner is not None
        await self._runner.cleanup()


def bearer(request: web.BaseRequest) -> str:
    """Return the token a request bears."""
    return request.headers["Authorization"].removeprefix("Bearer ")


def told(object_: str, data: dict[str, Any]) -> web.Response:
    """Answer as the contract does."""
    return web.json_response({"object": object_, "data": data})


def error(status: int, code: str, headers: dict[str, str] | None = None) -> web.Response:
    """Refuse as the contract does."""
    body = {"object": "error", "data": {"code": code, "message": f"{code}, it says"}}
    return web.json_response(body, status=status, headers=headers)
