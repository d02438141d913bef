"""Server in the test process: a real loopback port and real logins, without devices."""

import asyncio
import base64
import json
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.daemon.config.settings import DEVICE_NAMES, Devices, Server, Session, Settings
from deskwire.daemon.wiring import wire
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.sound.address import SoundServers
from deskwire.model.access import ALL_SCOPES, Scope
from deskwire.server.http.content import Pages
from deskwire.server.http.server import start_server
from deskwire.server.wiring import open_accounts
from tests.support.time_scaling import patiently

PASSWORD = "correct horse battery"


class LocalServer:
    """A running server with one user, ann."""

    def __init__(self, port: int, http: aiohttp.ClientSession) -> None:
        self.port = port
        self.http = http
        self.url = f"http://127.0.0.1:{port}"
        self._writers: list[asyncio.StreamWriter] = []

    async def login(self) -> str:
        """Log in as ann; return the login token."""
        credentials = {"username": "ann", "password": PASSWORD}
        async with self.http.post(f"{self.url}/v1/login", json=credentials) as response:
            assert response.status == 200
            return str((await response.json())["data"]["token"])

    async def websocket_token(self) -> tuple[str, str]:
        """Return a WebSocket token of ann and the address to connect to."""
        headers = {"Authorization": f"Bearer {await self.login()}"}
        async with self.http.get(f"{self.url}/v1/websocket", headers=headers) as response:
            data = (await response.json())["data"]
            return data["token"], data["socket"]

    async def send_raw(self, request: bytes) -> bytes:
        """Send bytes on a new connection; return everything received until it is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(patiently(15)):
                return await reader.read()
        finally:
            writer.close()

    async def close_sockets(self) -> None:
        """Close every socket opened by `raw_socket`."""
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with suppress(OSError):
                await writer.wait_closed()

    async def raw_socket(self, *, auth: bool) -> "RawSocket":
        """Open a WebSocket that can send invalid frames."""
        token, address = await self.websocket_token()
        path = address.split(str(self.port), 1)[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._writers.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        socket = RawSocket(reader, writer)
        if auth:
            socket.send(0x81, json.dumps({"event": "auth", "args": [token]}).encode())
            await socket.frame()
        return socket


class RawSocket:
    """A WebSocket client that can send invalid frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, first: int, payload: bytes, *, length: bytes | None = None) -> None:
        """Send one frame with this first byte, masked with a zero key."""
        size = len(payload)
        if length is None:
            length = (
                bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
                if size < 1 << 16 else b"\x7f" + size.to_bytes(8, "big")
            )  # fmt: skip
        masked = bytes([length[0] | 0x80]) + length[1:]
        self.writer.write(bytes([first]) + masked + bytes(4) + payload)

    async def frame(self) -> tuple[int, bytes]:
        """Return the opcode and payload of the next frame."""
        async with asyncio.timeout(patiently(5)):
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            return first & 0x0F, await self.reader.readexactly(size)

    async def close_code(self) -> int | None:
        """Read until the close frame; return `None` if the connection ends without one."""
        try:
            while True:
                opcode, payload = await self.frame()
                if opcode == 8:
                    return int.from_bytes(payload[:2], "big")
        except asyncio.IncompleteReadError:
            return None

    async def messages(self) -> list[dict[str, Any]]:
        """Read until the end; return all messages except `stats`."""
        messages = []
        try:
            while True:
                opcode, payload = await self.frame()
                if opcode == 1:
                    messages.append(json.loads(payload))
        except (asyncio.IncompleteReadError, TimeoutError):
            return [each for each in messages if each["event"] != "stats"]


@asynccontextmanager
async def local_server(
    folder: Path,
    session: Session | None = None,
    *,
    scopes: frozenset[Scope] = ALL_SCOPES,
    pages: Pages | None = None,
    context: ssl.SSLContext | None = None,
    trusted_proxies: tuple[str, ...] = (),
    disabled: frozenset[str] = frozenset(DEVICE_NAMES),
) -> AsyncIterator[LocalServer]:
    """Start a server on which ann has these scopes, if she does not exist yet."""
    session = session or Session()
    state = await asyncio.to_thread(StateDirectory.open, folder / "state")
    accounts = await open_accounts(state, Passwords(memory_kib=64), session.login_lifetime)
    if await accounts.users.count() == 0:
        await accounts.users.add("ann", PASSWORD, scopes)
    settings = Settings(
        server=Server(
            host="127.0.0.1",
            port=0,
            tls=context is not None,
            behind_proxy=bool(trusted_proxies),
            trusted_proxies=trusted_proxies,
        ),
        session=session,
        devices=Devices(disabled=disabled),
    )
    desk = wire(
        settings,
        accounts,
        buses=Buses(session=None, system=None),
        sound=SoundServers(""),
        cache=folder / "cache",
        pages=pages or Pages({}),
    )
    server = await start_server(desk.server.app.answer, host="127.0.0.1", port=0, context=context)
    try:
        async with aiohttp.ClientSession() as http:
            running = LocalServer(server.port, http)
            try:
                yield running
            finally:
                await running.close_sockets()
    finally:
        server.close()
        await desk.server.registry.close_all()
        await desk.supervisor.close()
        await server.wait_closed()
        state.close()
