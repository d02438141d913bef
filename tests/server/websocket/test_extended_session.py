import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from deskwire.devices.catalogue import DEVICES, device_class
from deskwire.model.commands import Command, PlayPause
from deskwire.simulator.mock import PASSWORD, WATCHER, Mock
from deskwire.simulator.scenario import load
from deskwire.simulator.simulated_desk import SimulatedDesk
from tests.support.time_scaling import patiently

EXAMPLE = load("example")
COMMANDS = {command.name for name in DEVICES for command in device_class(name).commands}


class Client:
    """A client of the mock that speaks `deskwire.v1`."""

    def __init__(self, mock: Mock, http: aiohttp.ClientSession) -> None:
        self._mock = mock
        self._http = http
        self.socket: aiohttp.ClientWebSocketResponse
        self.headers: dict[str, str] = {}

    async def log_in(self, user: str) -> None:
        words = {"username": user, "password": PASSWORD}
        async with self._http.post(f"{self._mock.address}/v1/login", json=words) as response:
            self.headers["Authorization"] = f"Bearer {(await response.json())['data']['token']}"

    async def open(self, *subprotocols: str, user: str = "owner") -> dict[str, Any]:
        """Open a socket, authenticate and return the first message."""
        await self.log_in(user)
        url = f"{self._mock.address}/v1/websocket"
        async with self._http.get(url, headers=self.headers) as response:
            data = (await response.json())["data"]
        self.socket = await self._http.ws_connect(data["socket"], protocols=subprotocols)
        await self.send("auth", data["token"])
        return await self.receive()

    async def send(self, event: str, *args: Any, id: int | None = None) -> None:  # noqa: A002
        message = {"event": event, "args": list(args), **({} if id is None else {"id": id})}
        await self.socket.send_json(message)

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.socket.receive_json(timeout=patiently(5))
        return message

    async def commands_over_http(self) -> set[str]:
        """Return the names of the commands that `GET /v1/commands` lists."""
        url = f"{self._mock.address}/v1/commands"
        async with self._http.get(url, headers=self.headers) as response:
            return {command["name"] for command in (await response.json())["data"]}

    async def answer(self, event: str, *args: Any) -> dict[str, Any]:
        """Send a message with an id and return its answer."""
        await self.send(event, *args, id=99)
        while (message := await self.receive()).get("id") != 99:
            pass
        return message


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    async with Mock(*EXAMPLE) as running:
        yield running


@pytest.fixture
async def client(mock: Mock) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as http:
        yield Client(mock, http)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [((), None), (("other",), None), (("deskwire.v1",), "deskwire.v1"),
     (("other", "deskwire.v1"), "deskwire.v1"), (("deskwire.v2",), None),
     (("DESKWIRE.V1",), None)],
)  # fmt: skip
async def test_subprotocol_is_chosen_only_if_offered(
    client: Client, offered: tuple[str, ...], chosen: str | None
) -> None:
    first = await client.open(*offered)

    assert client.socket.protocol == chosen
    assert first["event"] == ("stats" if chosen is None else "welcome")


async def test_welcome_describes_the_desk_and_the_rights_of_the_client(client: Client) -> None:
    (welcome,) = (await client.open("deskwire.v1"))["args"]

    assert welcome["protocol"] == 1
    assert welcome["server"].startswith("deskwire ")
    assert welcome["desk"].keys() == {"id", "name"}
    assert (welcome["user"], welcome["scopes"]) == ("owner", ["control", "monitor", "power"])
    assert welcome["expires_at"].endswith("Z")
    assert set(welcome["topics"]) >= {"cpu", "players", "volume"}
    assert {command["name"] for command in welcome["commands"]} == COMMANDS
    schemas = {command["name"]: command["arguments"] for command in welcome["commands"]}
    assert schemas["players.next"]["$defs"]["Next"]["required"] == ["player"]


async def test_command_that_does_not_work_now_is_in_no_list(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def offered(self: SimulatedDesk) -> list[type[Command]]:
        return [command for command in self.commands if command.name != "session.hibernate"]

    monkeypatch.setattr(SimulatedDesk, "offered", offered)
    (welcome,) = (await client.open("deskwire.v1"))["args"]

    names = {command["name"] for command in welcome["commands"]}
    assert names == COMMANDS - {"session.hibernate"}
    assert await client.commands_over_http() == names


async def test_nothing_is_sent_before_the_first_subscription(client: Client) -> None:
    await client.open("deskwire.v1")

    with pytest.raises(TimeoutError):
        await client.socket.receive(timeout=1.5)


async def test_command_is_answered_and_its_effect_is_seen(client: Client) -> None:
    await client.open("deskwire.v1")
    await client.send("subscribe", {"topics": ["players"]})
    before = (await client.receive())["args"][0]["players"][0]["playing"]

    answer = await client.answer("players.play-pause", {"player": "player1"})
    after = (await client.receive())["args"][0]["players"][0]["playing"]

    assert answer == {"event": "result", "args": [], "id": 99}
    assert after is not before


async def test_failed_command_is_answered_with_its_code(client: Client) -> None:
    await client.open("deskwire.v1")

    answer = await client.answer("players.next", {"player": "player99"})

    error = {
        "code": "unknown_player",
        "message": "unknown player: player99",
        "event": "players.next",
    }
    assert answer == {"event": "error", "args": [error], "id": 99}


async def test_client_that_may_only_watch_can_send_no_command(client: Client) -> None:
    (welcome,) = (await client.open("deskwire.v1", user=WATCHER))["args"]
    answers = [
        await client.answer(name, {"player": "player1"})
        for name in ("players.next", "players.play-pause", "players.previous", "players.stop")
    ] + [await client.answer("audio-next", "player1")]

    assert welcome["commands"] == []
    assert {answer["args"][0]["code"] for answer in answers} == {"forbidden"}


async def test_ninth_running_command_of_a_socket_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = asyncio.Event()

    async def hang(_: SimulatedDesk, command: PlayPause) -> None:
        await goes_on.wait()

    monkeypatch.setattr(SimulatedDesk, "perform", hang)
    await client.open("deskwire.v1")
    for number in range(9):
        await client.send("players.play-pause", {"player": "player1"}, id=number)
    refused = await client.receive()
    goes_on.set()
    finished = [await client.receive() for _ in range(8)]

    assert (refused["id"], refused["args"][0]["code"]) == (8, "throttled")
    assert sorted(message["id"] for message in finished) == list(range(8))


async def test_answer_to_a_subscription_names_the_interval_in_use(client: Client) -> None:
    await client.open("deskwire.v1")

    answer = await client.answer("subscribe", {"topics": ["cpu"], "interval": 0.01})

    assert answer["args"] == [{"interval": 1.0}]


async def test_binary_message_closes_the_socket(client: Client) -> None:
    await client.open("deskwire.v1")
    await client.socket.send_bytes(b"{}")
    message = await client.socket.receive(timeout=patiently(5))

    assert message.type is aiohttp.WSMsgType.CLOSE
    assert client.socket.close_code == 1003
