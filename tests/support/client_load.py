"""Many screens that come, watch, tap, leave and come back, as the contract tells them to."""

import asyncio
import itertools
import random
import time
from collections import Counter
from contextlib import suppress

import aiohttp

from tests.support.client import Client, Screen, bearer
from tests.support.desk import Desk

LONGEST_STAY = 60.0
TAPS = ("audio-play-pause", "audio-next", "audio-previous", "audio-stop")
LOGIN_AGAIN = 4001


class Crowd:
    """So many clients of one desk; `live` until it is over."""

    def __init__(self, desk: Desk, size: int, dice: random.Random) -> None:
        self.closes: Counter[int] = Counter()
        """Sockets that ended, by close code; 1000 are those the client closed."""
        self.taps = 0
        self.refused: Counter[str] = Counter()
        """What was asked and not given, by what came instead."""
        self.longest_gap = 0.0
        """Seconds between two readings on one socket."""
        self.readings = 0
        self._desk = desk
        self._over = asyncio.Event()
        self._dice = dice
        self._members = [asyncio.create_task(self._live()) for _ in range(size)]

    async def leave(self) -> None:
        """Have all of them leave."""
        self._over.set()
        await asyncio.gather(*self._members)

    async def _live(self) -> None:
        async with Client(self._desk) as client:
            while not self._over.is_set():
                try:
                    await self._visit(client)
                except (aiohttp.ClientError, OSError, AssertionError, TimeoutError) as problem:
                    self.refused[type(problem).__name__] += 1
                    client.login_token = ""
                    await self._pause(1)

    async def _visit(self, client: Client) -> None:
        ticket = await client.ticket()
        stays_until = time.monotonic() + self._dice.uniform(1, LONGEST_STAY)
        async with client.connect(ticket.socket) as screen:
            await screen.send("auth", ticket.token)
            while screen.open and time.monotonic() < stays_until and not self._over.is_set():
                await self._pause(0.5)
                if self._dice.random() < 0.02:
                    await self._tap(screen)
            still_there = screen.open
        code = 1000 if still_there else screen.socket.close_code or 1006
        self._take_note(screen, code)
        if code == LOGIN_AGAIN:
            client.login_token = ""
        elif self._dice.random() < 0.1:
            await client.request("POST", "/v1/logout", headers=bearer(client.login_token))
            client.login_token = ""

    async def _tap(self, screen: Screen) -> None:
        players = screen.frames[-1].event == "stats" and screen.frames[-1].stats["audio"]
        if players:
            with suppress(ConnectionError):
                await screen.send(self._dice.choice(TAPS), self._dice.choice(players)["id"])
                self.taps += 1

    def _take_note(self, screen: Screen, code: int) -> None:
        self.closes[code] += 1
        self.readings += screen.count
        for sooner, later in itertools.pairwise(screen.frames):
            self.longest_gap = max(self.longest_gap, later.at - sooner.at)

    async def _pause(self, span: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(span):
                await self._over.wait()
