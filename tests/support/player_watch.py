"""Looking at the players' watch: all that it yields, as it comes."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self

from deskwire.devices.players import PlayersDevice
from deskwire.model.readings import Player
from tests.support.time_scaling import patiently

Reading = tuple[Player, ...]


def titles(reading: Reading) -> list[str]:
    return [player.title for player in reading]


def at(player: Player) -> float:
    return player.position.at if player.position else -1.0


def rate(player: Player) -> float:
    return player.position.rate if player.position else -1.0


def titled(title: str) -> Callable[[Player], bool]:
    return lambda player: player.title == title


class PlayerWatch:
    """Runs `players.watch()` while entered; entering waits for the first reading."""

    def __init__(self, players: PlayersDevice) -> None:
        self.readings: list[Reading] = []
        self.problem: Exception | None = None
        """What ended the watch."""
        self._players = players
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def now(self) -> Reading:
        """The newest reading."""
        return self.readings[-1]

    async def see(self, wanted: Callable[[Reading], object], *, within: float = 3.0) -> Reading:
        """Return the newest reading once it is as wanted; raises `AssertionError`."""
        try:
            async with asyncio.timeout(patiently(within)):
                while not wanted(self.now):
                    await self._next()
        except TimeoutError:
            raise AssertionError(
                f"not within {patiently(within):g} s; readings: {self.readings}"
            ) from None
        return self.now

    async def player(
        self, wanted: Callable[[Player], object] = lambda _: True, *, within: float = 3.0
    ) -> Player:
        """Return the one player there is, once it is as wanted."""
        (player,) = await self.see(
            lambda reading: len(reading) == 1 and wanted(reading[0]), within=within
        )
        return player

    async def end(self) -> Exception:
        """Wait until the watch ends by itself and return what ended it."""
        assert self._task is not None
        async with asyncio.timeout(patiently(3.0)):
            await self._task
        assert self.problem is not None
        return self.problem

    async def _next(self) -> None:
        self._came.clear()
        await self._came.wait()
        if self.problem is not None:
            raise self.problem

    async def _watch(self) -> None:
        try:
            async with aclosing(self._players.watch()) as readings:
                async for reading in readings:
                    self.readings.append(reading)
                    self._came.set()
        except Exception as problem:  # noqa: BLE001 - the test judges it
            self.problem = problem
            self._came.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        async with asyncio.timeout(patiently(3.0)):
            await self._next()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
