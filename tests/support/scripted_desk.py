"""Desk on the event loop of the test, or in a thread, that does only what the test tells it.

It implements the wire contract, without TLS unless it gets a context, and imports nothing of
deskwire. It records each request.
"""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from aiohttp import WSMsgType, web

from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

T = TypeVar("T")

PASSWORD = "correct horse"
SOCKET = "/v1/monitor/desk/ws"


class ScriptedSocket:
    """One authenticated socket, from the side of the desk."""

    def __init__(self, desk: "ScriptedDesk", ws: web.WebSocketResponse, token: str) -> None:
        self._desk = desk
        self._ws = ws
        self.token = token
        self.opened_at = time.monotonic()
        self.commands: list[tuple[str, list[str]]] = []
        self.pongs: list[bytes] = []
        """Payloads of the received pongs."""
        self.transport: asyncio.Transport | None = None

    async def stats(self, **keys: Any) -> None:
        """Change these keys of the snapshot and send all of it."""
        self._desk.snapshot.update(keys)
        await self.send("stats", json.dumps(self._desk.snapshot))

    async def send(self, event: str, *args: str) -> None:
        await self._ws.send_str(json.dumps({"event": event, "args": list(args)}))

    async def ping(self, payload: bytes) -> None:
        await self._ws.ping(payload)

    async def expire(self) -> None:
        """Warn that the session expires."""
        await self.send("session expiring ", "[10:30:45]: Your Session will expire")

    async def error(self, code: str, message: str = "no") -> None:
        await self.send("error", json.dumps({"code": code, "message": message}))

    async def close(self, code: int) -> None:
        await self._ws.close(code=code)

    def drop(self) -> None:
        """Abort the TCP connection."""
        assert self.transport is not None
        self.transport.abort()

    @property
    def closed(self) -> bool:
        return self._ws.closed

    @property
    def close_code(self) -> int | None:
        """Code that the client closed it with."""
        return self._ws.close_code


class ScriptedDesk:
    """One desk; its port is open while entered."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.address = ""
        self.password = PASSWORD
        self.login_lifetime = 600.0
        self.logins: list[str] = []
        """Login tokens, oldest first."""
        self.ended_logins: set[str] = set()
        self.requests: list[tuple[float, str, str]] = []
        """Every request: time.monotonic(), method, path."""
        self.socket_tokens: list[str] = []
        self.socket_address = ""
        """Address in WebSocket tokens, instead of the desk's own."""
        self.sockets: list[ScriptedSocket] = []
        """Authenticated sockets, oldest first."""
        self.snapshot: dict[str, Any] = {"uptime": 1, "audio": []}
        self.errors: dict[str, tuple[int, str, dict[str, str]]] = {}
        """Status, code and headers of the response to each path that fails."""
        self.close_after_auth: int | None = None
        self.first_stats: Callable[[], dict[str, Any] | None] = lambda: self.snapshot
        """The first `stats` of a new socket, or `None`."""
        self.performs_commands = False
        """Whether a command changes its player, and an unknown player is an error."""
        # a browser refuses a server that accepts none of the subprotocols that it offers
        self.subprotocols: tuple[str, ...] = ("deskwire.v1",)
        """Subprotocols that it accepts, although it speaks the base protocol."""
        self.accepts_sockets = asyncio.Event()
        """Cleared: handshakes of new sockets wait."""
        self.accepts_sockets.set()
        self._runner: web.ServerRunner | None = None
        self._clients: set[web.WebSocketResponse] = set()

    @property
    def socket(self) -> ScriptedSocket:
        """The newest socket."""
        return self.sockets[-1]

    async def wait_for_socket(self, number: int) -> ScriptedSocket:
        """Wait until there have been this many sockets; return the last of them."""
        what = f"socket number {number}"
        await until_async(lambda: len(self.sockets) >= number, what=what)
        return self.sockets[number - 1]

    def count(self, path: str) -> int:
        """Return the number of requests for a path."""
        return sum(requested == path for _, _, requested in self.requests)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append((time.monotonic(), request.method, request.path))
        if request.path in self.errors:
            return error(*self.errors[request.path])
        handler = {
            "/v1/login": self._log_in,
            "/v1/logout": self._log_out,
            "/v1/websocket": self._websocket_token,
            SOCKET: self._socket,
        }.get(request.path, self._art)
        return await handler(request)

    async def _log_in(self, request: web.BaseRequest) -> web.Response:
        if (await request.json())["password"] != self.password:
            return error(401, "wrong_credentials")
        self.logins.append(f"login{len(self.logins) + 1}")
        expiry = datetime.fromtimestamp(time.time() + self.login_lifetime, UTC).isoformat()
        return success("login_token", {"token": self.logins[-1], "expires_at": expiry})

    async def _log_out(self, request: web.BaseRequest) -> web.Response:
        self.ended_logins.add(bearer(request))
        return web.Response(status=204)

    async def _art(self, request: web.BaseRequest) -> web.Response:
        if request.path.startswith("/v1/img/tmp/") and bearer(request) in self.logins:
            return web.Response(body=request.path.encode(), content_type="image/png")
        return error(404, "not_found")

    async def _websocket_token(self, request: web.BaseRequest) -> web.Response:
        token = bearer(request)
        if token in self.ended_logins or token not in self.logins:
            return error(401, "token_refused")
        self.socket_tokens.append(f"websocket{len(self.socket_tokens) + 1}")
        own_address = self.address.replace("http", "ws", 1) + SOCKET
        data = {"token": self.socket_tokens[-1], "socket": self.socket_address or own_address}
        return success("websocket_token", data)

    async def _socket(self, request: web.BaseRequest) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(autoping=False, timeout=0.2, protocols=self.subprotocols)
        await self.accepts_sockets.wait()
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
            await socket.send("stats", json.dumps(first))
        async for message in ws:
            if message.type is WSMsgType.PING:
                await ws.pong(message.data)
            elif message.type is WSMsgType.PONG:
                socket.pongs.append(bytes(message.data))
            elif message.type is WSMsgType.TEXT:
                content = json.loads(message.data)
                socket.commands.append((content["event"], content["args"]))
                if self.performs_commands:
                    await self._perform(socket, *socket.commands[-1])
        return ws

    async def _perform(self, socket: ScriptedSocket, event: str, args: list[str]) -> None:
        for player in self.snapshot["audio"]:
            if player["id"] == args[0]:
                if event == "audio-play-pause":
                    player["playing"] = not player["playing"]
                elif event == "audio-stop":
                    player["playing"] = False
                else:
                    player["title"] = f"after {event} number {len(socket.commands)}"
                await socket.stats()
                return
        await socket.error("unknown_player")

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


class ScriptedDeskThread:
    """Scripted desk on an event loop in a thread, for a test that blocks its own loop."""

    def __init__(self) -> None:
        self.desk = ScriptedDesk()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted desk")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the desk's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(patiently(5))

    def __enter__(self) -> Self:
        self._thread.start()
        self.run(self.desk.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.desk.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


def bearer(request: web.BaseRequest) -> str:
    """Return the token of a request."""
    return request.headers["Authorization"].removeprefix("Bearer ")


def success(object_: str, data: dict[str, Any]) -> web.Response:
    return web.json_response({"object": object_, "data": data})


def error(status: int, code: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"object": "error", "data": {"code": code, "message": f"{code}, it says"}}
    return web.json_response(body, status=status, headers=headers)
