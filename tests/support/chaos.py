"""What may befall a desk: each trouble happens, lasts a moment, and is over when it returns."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from signal import SIGCONT, SIGSTOP
from typing import Self
from urllib.parse import urlsplit

from tests.support.buses import PrivateBus
from tests.support.client import Client
from tests.support.desk import Desk
from tests.support.fake_player import FakePlayer, metadata
from tests.support.pulse import Pulse
from tests.support.raw_socket import RawSocket

PLAYERS = 3
AT_ONCE = 20


class Surroundings:
    """A desk with players, sound and both buses, and the dice that decide."""

    def __init__(
        self,
        desk: Desk,
        session: PrivateBus,
        system: PrivateBus,
        pulse: Pulse,
        dice: random.Random,
    ) -> None:
        self.desk = desk
        self.session = session
        self.system = system
        self.pulse = pulse
        self.dice = dice
        self.players: list[FakePlayer] = []
        self.client = Client(desk)
        self._stack = AsyncExitStack()
        self._music = AsyncExitStack()

    async def come(self) -> None:
        """Put the players on the bus."""
        self.players = [
            await self._music.enter_async_context(FakePlayer(self.session, f"player{number}"))
            for number in range(PLAYERS)
        ]

    async def go(self) -> None:
        """Take them off."""
        self.players = []
        await self._music.aclose()

    async def play(self) -> None:
        """Change what plays and how loud, for ever."""
        number = 0
        while True:
            number += 1
            track = metadata(title=f"track {number}", length=200_000_000)
            for player in self.players:
                player["Metadata"] = track
                player.signal({"Metadata": track})  # not waited for: its bus may be on its way out
            if number % 20 == 0:
                await asyncio.to_thread(self._turn_the_volume, number % 100)
            await asyncio.sleep(0.1)

    def _turn_the_volume(self, percent: int) -> None:
        with suppress(AssertionError):  # there may be no server just now
            self.pulse.pactl("set-sink-volume", "speakers", f"{percent}%")

    async def raw_sockets(self, number: int) -> list[RawSocket]:
        """Open sockets by hand that have not authenticated."""
        ticket = await self.client.ticket()
        return [await asyncio.to_thread(RawSocket, ticket.socket) for _ in range(number)]

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.client)
        await self.come()
        return self

    async def __aexit__(self, *of: object) -> None:
        await self.go()
        await self._stack.aclose()


async def session_bus_restarts(there: Surroundings) -> None:
    """The bus the players are on ends and starts anew."""
    await there.go()
    there.session.restart()
    await there.come()


async def system_bus_restarts(there: Surroundings) -> None:
    """The bus of NetworkManager and UPower ends and starts anew."""
    there.system.restart()


async def sound_server_dies(there: Surroundings) -> None:
    """The sound server is killed and started anew."""
    await asyncio.to_thread(there.pulse.kill)
    await asyncio.to_thread(there.pulse.start)


async def sound_server_hangs(there: Surroundings) -> None:
    """The sound server stops for a moment."""
    there.pulse.send(SIGSTOP)
    await asyncio.sleep(there.dice.uniform(0.5, 3))
    there.pulse.send(SIGCONT)


async def player_hangs(there: Surroundings) -> None:
    """A player answers nothing for a moment."""
    player = there.dice.choice(there.players)
    player.silent.add("*")
    await asyncio.sleep(there.dice.uniform(0.5, 3))
    player.silent.clear()


async def players_come_and_go(there: Surroundings) -> None:
    """Twenty players are there for a moment."""
    async with AsyncExitStack() as crowd:
        for number in range(AT_ONCE):
            await crowd.enter_async_context(FakePlayer(there.session, f"passing{number}"))


async def screens_vanish(there: Surroundings) -> None:
    """Twenty sockets are opened and reset."""
    for socket in await there.raw_sockets(AT_ONCE):
        socket.drop()


async def screens_talk_nonsense(there: Surroundings) -> None:
    """Sockets send what no client sends."""
    for number, socket in enumerate(await there.raw_sockets(4)):
        with socket, suppress(OSError, EOFError):
            socket.send_frame((1, 2, 3, 11)[number], b"\xff" * 20_000)
            await asyncio.to_thread(socket.read_close)


async def screen_stalls(there: Surroundings) -> None:
    """A socket authenticates and reads nothing."""
    ticket = await there.client.ticket()
    with await asyncio.to_thread(RawSocket, ticket.socket, takes=4096) as socket:
        socket.send("auth", ticket.token)
        await asyncio.sleep(there.dice.uniform(1, 5))


async def strangers_knock(there: Surroundings) -> None:
    """Handshakes that go no further."""
    port = urlsplit(there.desk.address).port
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(AT_ONCE)]
    for _, writer in opened:
        writer.write(b"\x16\x03\x01\x02\x00")
    await asyncio.sleep(there.dice.uniform(0.5, 3))
    for _, writer in opened:
        writer.transport.abort()


async def somebody_guesses(there: Surroundings) -> None:
    """Wrong passwords, for a name that nobody has."""
    for guess in range(5):
        words = {"username": "nobody", "password": f"guess {guess}"}
        await there.client.request("POST", "/v1/login", json=words)


Trouble = Callable[[Surroundings], Awaitable[None]]
TROUBLES: tuple[Trouble, ...] = (
    session_bus_restarts,
    system_bus_restarts,
    sound_server_dies,
    sound_server_hangs,
    player_hangs,
    players_come_and_go,
    screens_vanish,
    screens_talk_nonsense,
    screen_stalls,
    strangers_knock,
    somebody_guesses,
)
