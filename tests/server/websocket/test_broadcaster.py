import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, cast

import pytest

from deskwire.core.publisher import Publisher, Update
from deskwire.model.readings import Cpu, Player, PlayerId, Position, Volume
from deskwire.model.topics import Topic
from deskwire.model.units import Percent, Seconds
from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.websocket import broadcaster as module
from deskwire.server.websocket.broadcaster import TOPICS, Broadcaster, FrameCache
from deskwire.server.websocket.connection import Connection
from tests.support.waiting import until_async

pytestmark = pytest.mark.virtual_time


class Client(Connection):
    """A connection that records the frames it is sent."""

    def __init__(self, on_frame: Callable[[], None] = lambda: None) -> None:
        way = cast("socket.socket", Way(self))
        super().__init__(TcpTransport(way, "", asyncio.Protocol, lambda _: None))
        self.offered: list[bytes] = []
        self.pings = 0
        self.asked = 0
        self.on_frame = on_frame

    def ping(self) -> None:
        self.pings += 1

    def abort_if_silent(self) -> None:
        self.asked += 1


class Way:
    """A socket that accepts everything."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def send(self, content: bytes) -> int:
        self._client.offered.append(content)
        self._client.on_frame()
        return len(content)


def desk_and_broadcaster() -> tuple[Publisher, Broadcaster]:
    publisher = Publisher(interval=Seconds(60), topics=[Topic("volume", Volume)])
    return publisher, Broadcaster(publisher)


def level(number: int) -> Volume:
    return Volume(Percent(number))


def levels(client: Client) -> list[int]:
    return [int(frame.split(b'volume\\":')[1].split(b"}")[0]) for frame in client.offered]


async def test_all_clients_get_the_same_bytes() -> None:
    publisher, broadcaster = desk_and_broadcaster()
    clients = [Client() for _ in range(3)]
    for client in clients:
        broadcaster.join(client)

    publisher.put("volume", level(1))

    assert [levels(client) for client in clients] == [[1]] * 3
    assert clients[0].offered[0] is clients[2].offered[0]
    for client in clients:
        broadcaster.leave(client)


async def test_late_client_gets_the_newest_frame_at_once() -> None:
    publisher, broadcaster = desk_and_broadcaster()
    first, later = Client(), Client()
    broadcaster.join(first)
    publisher.put("volume", level(7))

    broadcaster.join(later)

    assert levels(later) == [7]
    broadcaster.leave(first)
    broadcaster.leave(later)


async def test_other_work_runs_between_two_portions_of_clients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PORTION", 10)
    publisher, broadcaster = desk_and_broadcaster()
    order: list[str] = []
    clients = [Client(lambda: order.append("client")) for _ in range(25)]
    for client in clients:
        broadcaster.join(client)

    publisher.put("volume", level(1))
    asyncio.get_running_loop().call_soon(order.append, "another")
    await until_async(lambda: len(order) == 26)

    assert order.index("another") in range(10, 21)
    assert all(levels(client) == [1] for client in clients)
    for client in clients:
        broadcaster.leave(client)


async def test_newer_frame_replaces_the_older_between_two_portions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PORTION", 10)
    publisher, broadcaster = desk_and_broadcaster()
    clients = [Client() for _ in range(25)]
    for client in clients:
        broadcaster.join(client)

    publisher.put("volume", level(1))
    publisher.put("volume", level(2))
    await until_async(lambda: all(levels(client)[-1:] == [2] for client in clients))

    assert levels(clients[0]) == [1, 2]
    assert [levels(client) for client in clients] == [[1, 2]] * 20 + [[2]] * 5
    for client in clients:
        broadcaster.leave(client)


async def test_last_client_that_leaves_ends_the_subscription() -> None:
    publisher, broadcaster = desk_and_broadcaster()
    demands: list[set[str]] = []
    publisher.on_demand = lambda demand: demands.append(set(demand))
    client, other = Client(), Client()
    broadcaster.join(client)
    broadcaster.join(other)
    publisher.put("volume", level(1))

    broadcaster.leave(client)
    broadcaster.leave(client)
    broadcaster.leave(other)
    publisher.put("volume", level(2))

    assert demands == [{"volume"}, set()]
    assert levels(client) == [1]


async def test_pings_run_only_while_there_is_a_client() -> None:
    _, broadcaster = desk_and_broadcaster()
    first, second = Client(), Client()
    broadcaster.accompany(first)
    await asyncio.sleep(25)
    broadcaster.leave(first)
    await asyncio.sleep(10)
    broadcaster.accompany(second)

    await asyncio.sleep(15)
    early = second.pings
    await asyncio.sleep(10)

    assert first.pings == 1
    assert (early, second.pings) == (0, 1)
    broadcaster.leave(second)


async def test_every_client_is_pinged_and_checked_for_its_pong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PING_INTERVAL", 0.03)
    monkeypatch.setattr(module, "PONG_TIMEOUT", 0.01)
    _, broadcaster = desk_and_broadcaster()
    client = Client()
    broadcaster.join(client)

    await until_async(lambda: client.pings >= 2 and client.asked >= 2)
    broadcaster.leave(client)
    pings = client.pings
    await asyncio.sleep(0.06)

    assert client.pings == pings


async def test_client_without_the_monitor_scope_gets_pings_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PING_INTERVAL", 0.03)
    monkeypatch.setattr(module, "PONG_TIMEOUT", 0.01)
    publisher, broadcaster = desk_and_broadcaster()
    monitor, controller = Client(), Client()
    broadcaster.join(monitor)
    publisher.put("volume", level(1))

    broadcaster.accompany(controller)
    broadcaster.refresh(controller)
    broadcaster.leave(monitor)
    await until_async(lambda: controller.pings >= 2 and controller.asked >= 2)
    broadcaster.leave(controller)

    assert controller.offered == []
    assert broadcaster.newest() is None


# ---- frame cache ---------------------------------------------------------------------------------

NOW = Seconds(1000)


def update(revision: int, **readings: object) -> Update:
    return Update(readings, frozenset(readings), revision)


def stats(frame: bytes) -> Any:
    start = {126: 4, 127: 10}.get(frame[1], 2)
    return json.loads(json.loads(frame[start:])["args"][0])


def test_frame_carries_the_readings_as_stats() -> None:
    readings = update(1, cpu=Cpu(Percent(1)), volume=Volume(Percent(50)), players=(), battery=None)

    assert stats(FrameCache().frame(readings, NOW)) == {
        "cpu_absolute": 1.0,
        "audio": [],
        "volume": 50,
    }


def test_frame_of_a_desk_without_devices_is_an_empty_list_of_players() -> None:
    assert stats(FrameCache().frame(update(0), NOW)) == {"audio": []}


def test_frame_is_encoded_once_for_a_revision() -> None:
    cache, readings = FrameCache(), update(1, volume=Volume(Percent(50)))

    first, second = cache.frame(readings, NOW), cache.frame(readings, Seconds(NOW + 0.09))

    assert first is second


def test_new_revision_is_encoded_at_once() -> None:
    cache = FrameCache()
    cache.frame(update(1, volume=Volume(Percent(50))), NOW)

    assert stats(cache.frame(update(2, volume=Volume(Percent(60))), NOW))["volume"] == 60


def test_old_frame_is_encoded_again_with_the_present_position() -> None:
    moving = Position(at=Seconds(10), read=NOW, rate=1.0)
    mpv = Player(id=PlayerId("player1"), name="mpv", playing=True, title="One", position=moving)
    cache, readings = FrameCache(), update(1, players=(mpv,))

    frames = [cache.frame(readings, NOW), cache.frame(readings, Seconds(NOW + 5))]

    assert [stats(frame)["audio"][0]["timestamp"] for frame in frames] == [10, 15]


def test_topics_are_the_ten_of_the_base_protocol() -> None:
    assert len(TOPICS) == 10
