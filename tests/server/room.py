"""The server's room in this process: real doors on a loopback port, real logins, no devices."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from deskwire.auth.logins import Logins
from deskwire.auth.passwords import Passwords
from deskwire.auth.state_directory import StateDirectory
from deskwire.auth.users import Users
from deskwire.daemon.config.settings import DEVICE_NAMES, Devices, Server, Session, Settings
from deskwire.daemon.wiring import wire
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.sound.address import SoundServers
from deskwire.model.access import ALL_SCOPES, Scope
from deskwire.server.http.app import start_server
from deskwire.server.http.pages import Pages
from tests.support.time_scaling import patiently

PASSWORD = "correct horse battery"


class Room:
    """An open server, and a person called ann."""

    def __init__(self, port: int, http: aiohttp.ClientSession) -> None:
        self.port = port
        self.http = http
        self.url = f"http://127.0.0.1:{port}"
        self._opened: list[asyncio.StreamWriter] = []

    async def login(self) -> str:
        """Return a login token of ann's."""
        credentials = {"username": "ann", "password": PASSWORD}
        async with self.http.post(f"{self.url}/v1/login", json=credentials) as response:
            assert response.status == 200
            return str((await response.json())["data"]["token"])

    async def ticket(self) -> tuple[str, str]:
        """Return a websocket token of ann's and the address to take it to."""
        bears = {"Authorization": f"Bearer {await self.login()}"}
        async with self.http.get(f"{self.url}/v1/websocket", headers=bears) as response:
            data = (await response.json())["data"]
            return data["token"], data["socket"]

    async def say(self, said: bytes) -> bytes:
        """Send raw bytes on a connection of its own; return all that comes until it is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(said)
            async with asyncio.timeout(patiently(15)):
                return await reader.read()
        finally:
            writer.close()

    async def leave(self) -> None:
        """Close every connection that was opened by hand."""
        for writer in self._opened:
            writer.close()
        for writer in self._opened:
            with suppress(OSError):
                await writer.wait_closed()

    async def raw_socket(self, *, auth: bool) -> "RawSocket":
        """Open a WebSocket by hand, authenticated or not."""
        token, address = await self.ticket()
        path = address.split(str(self.port), 1)[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._opened.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        socket = RawSocket(reader, writer)
        if auth:
            socket.send(0x81, json.dumps({"event": "auth", "args": [token]}).encode())
            await socket.frame()
        return socket


class RawSocket:
    """A WebSocket spoken by hand, so that it can be spoken wrongly."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, first: int, payload: bytes, *, length: bytes | None = None) -> None:
        """Send one frame whose first byte is `first`, masked with zeros."""
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
        """Read on to the close frame; `None` where the end comes without one."""
        try:
            while True:
                opcode, payload = await self.frame()
                if opcode == 8:
                    return int.from_bytes(payload[:2], "big")
        except asyncio.IncompleteReadError:
            return None

    async def said(self) -> list[dict[str, Any]]:
        """Read on to the end; return the messages but `stats`."""
        messages = []
        try:
            while True:
                opcode, payload = await self.frame()
                if opcode == 1:
                    messages.append(json.loads(payload))
        except (asyncio.IncompleteReadError, TimeoutError):
            return [each for each in messages if each["event"] != "stats"]


def opened_state(folder: Path) -> tuple[StateDirectory, bytes, str]:
    """Return a new state, its signing key and the desk's id; blocks."""
    state = StateDirectory.open(folder)
    return state, state.secret("signing", 32), state.desk_id()


@asynccontextmanager
async def room(
    folder: Path,
    session: Session | None = None,
    *,
    scopes: frozenset[Scope] = ALL_SCOPES,
    pages: Pages | None = None,
) -> AsyncIterator[Room]:
    """Open one where ann may do what `scopes` say; everything in it ends with it."""
    state, key, desk_id = await asyncio.to_thread(opened_state, folder / "state")
    users = Users(state, Passwords(memory_kib=64))
    logins = Logins(state, (session or Session()).login_lifetime)
    await logins.load()
    await users.add("ann", PASSWORD, scopes)
    settings = Settings(
        server=Server(host="127.0.0.1", port=0, tls=False),
        session=session or Session(),
        devices=Devices(disabled=frozenset(DEVICE_NAMES)),
    )
    desk = wire(
        settings,
        users=users,
        logins=logins,
        key=key,
        desk=desk_id,
        boot_id=state.boot_id,
        buses=Buses(session=None, system=None),
        sound=SoundServers(""),
        cache=folder / "cache",
        pages=pages or Pages({}),
    )
    doors = await start_server(desk.doors, host="127.0.0.1", port=0, context=None)
    try:
        async with aiohttp.ClientSession() as http:
            opened = Room(doors.port, http)
            try:
                yield opened
            finally:
                await opened.leave()
    finally:
        doors.close()
        await desk.sockets.close_all()
        await doors.wait_closed()
        state.close()
