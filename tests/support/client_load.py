"""Many clients that connect, watch, send commands, leave and return, as the contract says."""

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress

import aiohttp

from tests.support.client import Client, Socket
from tests.support.programs import Daemon

LONGEST_VISIT = 60.0
COMMANDS = ("audio-play-pause", "audio-next", "audio-previous", "audio-stop")
LOG_IN_AGAIN = 4001


class ClientLoad:
    """Clients of one daemon, from the construction to `leave()`."""

    def __init__(self, daemon: Daemon, size: int, dice: random.Random) -> None:
        self.closes: Counter[int] = Counter()
        """Closed sockets by close code; 1000 is the client's own close."""
        self.commands = 0
        self.failures: Counter[str] = Counter()
        """Failed visits by the name of the exception."""
        self.longest_gap = 0.0
        """Longest time between two frames of a socket in seconds."""
        self.frames = 0
        self._daemon = daemon
        self._over = asyncio.Event()
        self._dice = dice
        self._clients = [asyncio.create_task(self._run_client()) for _ in range(size)]

    async def leave(self) -> None:
        """Make all clients leave."""
        self._over.set()
        await asyncio.gather(*self._clients)

    async def _run_client(self) -> None:
        async with Client(self._daemon) as client:
            while not self._over.is_set():
                try:
                    await self._visit(client)
                except (aiohttp.ClientError, OSError, AssertionError, TimeoutError) as problem:
                    self.failures[type(problem).__name__] += 1
                    client.login_token = ""
                    await self._pause(1)

    async def _visit(self, client: Client) -> None:
        token = await client.websocket_token()
        ends_at = time.monotonic() + self._dice.uniform(1, LONGEST_VISIT)
        async with client.authenticated(token) as socket:
            while socket.open and time.monotonic() < ends_at and not self._over.is_set():
                await self._pause(0.5)
                if self._dice.random() < 0.02:
                    await self._send_command(socket)
            code = 1000 if socket.open else socket.websocket.close_code or 1006
        self.closes[code] += 1
        self.frames += socket.count
        if socket.count > 1:
            self.longest_gap = max(self.longest_gap, socket.longest_gap())
        if code == LOG_IN_AGAIN:
            client.login_token = ""
        elif self._dice.random() < 0.1:
            await client.logout()
            client.login_token = ""

    async def _send_command(self, socket: Socket) -> None:
        last = socket.frames[-1]
        players = last.event == "stats" and last.stats["audio"]
        if players:
            with suppress(ConnectionError):
                await socket.send(self._dice.choice(COMMANDS), self._dice.choice(players)["id"])
                self.commands += 1

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
