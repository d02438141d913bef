"""Faults of a desk's environment; each one starts, lasts a moment and is over when it returns."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from signal import SIGCONT, SIGSTOP
from typing import Self
from urllib.parse import urlsplit

from tests.support.buses import PrivateBus
from tests.support.client import Client
from tests.support.fake_player import FakePlayer, metadata
from tests.support.programs import Daemon
from tests.support.raw_socket import RawSocket
from tests.support.sound_servers import Pulse

PLAYERS = 3
AT_ONCE = 20


class Chaos:
    """A daemon with players, a sound server and both buses; `dice` decides the details."""

    def __init__(
        self,
        daemon: Daemon,
        session: PrivateBus,
        system: PrivateBus,
        pulse: Pulse,
        dice: random.Random,
    ) -> None:
        self.daemon = daemon
        self.session = session
        self.system = system
        self.pulse = pulse
        self.dice = dice
        self.players: list[FakePlayer] = []
        self.client = Client(daemon)
        self._stack = AsyncExitStack()
        self._on_bus = AsyncExitStack()

    async def add_players(self) -> None:
        self.players = [
            await self._on_bus.enter_async_context(FakePlayer(self.session, f"player{number}"))
            for number in range(PLAYERS)
        ]

    async def remove_players(self) -> None:
        self.players = []
        await self._on_bus.aclose()

    async def play(self) -> None:
        """Change the tracks and the volume until cancelled."""
        number = 0
        while True:
            number += 1
            track = metadata(title=f"track {number}", length=200_000_000)
            for player in self.players:
                player["Metadata"] = track
                player.signal({"Metadata": track})  # not awaited: the bus may be about to end
            if number % 20 == 0:
                await asyncio.to_thread(self._set_volume, number % 100)
            await asyncio.sleep(0.1)

    def _set_volume(self, percent: int) -> None:
        with suppress(AssertionError):  # the sound server may be down
            self.pulse.pactl("set-sink-volume", "speakers", f"{percent}%")

    async def raw_sockets(self, number: int) -> list[RawSocket]:
        """Open sockets that have not authenticated."""
        token = await self.client.websocket_token()
        return [await asyncio.to_thread(RawSocket, token.socket) for _ in range(number)]

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.client)
        await self.add_players()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.remove_players()
        await self._stack.aclose()


async def session_bus_restarts(chaos: Chaos) -> None:
    await chaos.remove_players()
    chaos.session.restart()
    await chaos.add_players()


async def system_bus_restarts(chaos: Chaos) -> None:
    chaos.system.restart()


async def sound_server_restarts(chaos: Chaos) -> None:
    await asyncio.to_thread(chaos.pulse.kill)
    await asyncio.to_thread(chaos.pulse.start)


async def sound_server_hangs(chaos: Chaos) -> None:
    chaos.pulse.send(SIGSTOP)
    await asyncio.sleep(chaos.dice.uniform(0.5, 3))
    chaos.pulse.send(SIGCONT)


async def player_hangs(chaos: Chaos) -> None:
    player = chaos.dice.choice(chaos.players)
    player.silent.add("*")
    await asyncio.sleep(chaos.dice.uniform(0.5, 3))
    player.silent.clear()


async def players_come_and_go(chaos: Chaos) -> None:
    async with AsyncExitStack() as players:
        for number in range(AT_ONCE):
            await players.enter_async_context(FakePlayer(chaos.session, f"passing{number}"))


async def clients_reset_connections(chaos: Chaos) -> None:
    for socket in await chaos.raw_sockets(AT_ONCE):
        socket.reset()


async def clients_send_invalid_frames(chaos: Chaos) -> None:
    for number, socket in enumerate(await chaos.raw_sockets(4)):
        with socket, suppress(OSError, EOFError):
            socket.send_frame((1, 2, 3, 11)[number], b"\xff" * 20_000)
            await asyncio.to_thread(socket.read_close)


async def client_stops_reading(chaos: Chaos) -> None:
    token = await chaos.client.websocket_token()
    with await asyncio.to_thread(RawSocket, token.socket, receive_buffer=4096) as socket:
        socket.send("auth", token.token)
        await asyncio.sleep(chaos.dice.uniform(1, 5))


async def tls_handshakes_stall(chaos: Chaos) -> None:
    port = urlsplit(chaos.daemon.address).port
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(AT_ONCE)]
    for _, writer in opened:
        writer.write(b"\x16\x03\x01\x02\x00")
    await asyncio.sleep(chaos.dice.uniform(0.5, 3))
    for _, writer in opened:
        writer.transport.abort()


async def passwords_are_guessed(chaos: Chaos) -> None:
    for guess in range(5):
        credentials = {"username": "nobody", "password": f"guess {guess}"}
        await chaos.client.request("POST", "/v1/login", json=credentials)


Fault = Callable[[Chaos], Awaitable[None]]
FAULTS: tuple[Fault, ...] = (
    session_bus_restarts,
    system_bus_restarts,
    sound_server_restarts,
    sound_server_hangs,
    player_hangs,
    players_come_and_go,
    clients_reset_connections,
    clients_send_invalid_frames,
    client_stops_reading,
    tls_handshakes_stall,
    passwords_are_guessed,
)
