"""deskwire.v1 with a real daemon, player and sound server."""

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import aiohttp
import pytest

from tests.support.buses import PrivateBus
from tests.support.client import Client
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.programs import Daemon
from tests.support.sound_servers import Pulse
from tests.support.time_scaling import patiently


class Setup(NamedTuple):
    """A daemon with a sound server and a player."""

    pulse: Pulse
    mpv: Mpv
    daemon: Daemon


class Extended:
    """A client of deskwire.v1."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = 0
        self.readings: dict[str, Any] = {}

    async def send(self, event: str, argument: object) -> int:
        """Send a message; return its id."""
        self._ids += 1
        message = {"event": event, "args": [argument], "id": self._ids}
        await self._socket.send_json(message)
        return self._ids

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = await self._socket.receive_json(timeout=patiently(5))
        if message["event"] == "readings":
            self.readings |= message["args"][0]
        return message

    async def answer(self, id_: int) -> dict[str, Any]:
        """Return the answer to a message."""
        while (message := await self.receive()).get("id") != id_:
            pass
        return message

    async def ask(self, event: str, argument: object) -> dict[str, Any]:
        return await self.answer(await self.send(event, argument))


@pytest.fixture(scope="module")
def setup(bus: PrivateBus, media: Media) -> Iterator[Setup]:
    with (
        Pulse() as pulse,
        Mpv(bus, [media.first.file]) as mpv,
        Daemon(buses=[bus], env={"PULSE_SERVER": pulse.address}) as daemon,
    ):
        yield Setup(pulse, mpv, daemon)


@pytest.fixture
async def extended(setup: Setup) -> AsyncIterator[Extended]:
    trust = aiohttp.Fingerprint(bytes.fromhex(setup.daemon.fingerprint))
    async with (
        Client(setup.daemon) as client,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as http,
    ):
        token = await client.websocket_token()
        async with http.ws_connect(token.socket, protocols=["deskwire.v1"]) as socket:
            await socket.send_json({"event": "auth", "args": [token.token]})
            extended = Extended(socket)
            assert (await extended.receive())["event"] == "welcome"
            yield extended


async def until_reading(extended: Extended, topic: str, wanted: Any) -> None:
    """Wait until a topic's reading, given to `wanted`, is right."""
    while topic not in extended.readings or not wanted(extended.readings[topic]):
        await extended.receive()


async def test_player_obeys_and_its_readings_follow(setup: Setup, extended: Extended) -> None:
    await extended.send("subscribe", {"topics": ["players"]})
    await until_reading(extended, "players", lambda players: players[0]["status"] == "playing")
    player = extended.readings["players"][0]["id"]

    answer = await extended.ask("players.pause", {"player": player})
    assert answer["event"] == "result"
    setup.mpv.wait_for("pause", True)
    await until_reading(extended, "players", lambda players: players[0]["status"] == "paused")

    answer = await extended.ask("players.seek", {"player": player, "position": 2.5})
    assert answer["event"] == "result"
    assert setup.mpv.get("time-pos") == pytest.approx(2.5, abs=0.3)
    assert (await extended.ask("players.play", {"player": player}))["event"] == "result"
    setup.mpv.wait_for("pause", False)


async def test_sound_server_obeys_and_its_readings_follow(setup: Setup, extended: Extended) -> None:
    await extended.send("subscribe", {"topics": ["volume"]})
    answer = await extended.ask("volume.set", {"level": 35})

    assert answer["event"] == "result"
    assert "35%" in setup.pulse.pactl("get-sink-volume", "@DEFAULT_SINK@")
    await until_reading(extended, "volume", lambda volume: volume["level"] == 35)


async def test_hanging_player_delays_only_its_own_command(setup: Setup, extended: Extended) -> None:
    await extended.send("subscribe", {"topics": ["players", "volume"]})
    await until_reading(extended, "players", bool)
    player = extended.readings["players"][0]["id"]
    os.kill(setup.mpv.pid, signal.SIGSTOP)
    try:
        sent = time.monotonic()
        hanging = await extended.send("players.pause", {"player": player})
        other = await extended.send("volume.set", {"level": 36})
        assert (await extended.answer(other))["event"] == "result"
        answered = time.monotonic() - sent
        failure = await extended.answer(hanging)
    finally:
        os.kill(setup.mpv.pid, signal.SIGCONT)

    assert answered < patiently(0.5)
    assert (failure["event"], failure["args"][0]["code"]) == ("error", "player_timeout")
    assert failure["args"][0]["event"] == "players.pause"
    assert time.monotonic() - sent < patiently(2)
