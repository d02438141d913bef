import asyncio
import json
import socket
from typing import Any, cast

import pytest

from deskwire.core.publisher import Publisher
from deskwire.model.instant import Instant
from deskwire.model.readings import Backlight, Cpu, Player, PlayerId, Position
from deskwire.model.topics import Demand, Topic
from deskwire.model.units import Percent, Seconds
from deskwire.server.net.tcp_transport import BUSY, TcpTransport
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.topic_broadcaster import TopicBroadcaster

pytestmark = pytest.mark.virtual_time

TOPICS = (
    Topic("cpu", Cpu, periodic=True),
    Topic("backlight", Backlight),
    Topic("players", tuple[Player, ...]),
)
WALL = Seconds(1_700_000_000.0)


class Client(Connection):
    """A connection that records the frames it is sent."""

    def __init__(self) -> None:
        way = cast("socket.socket", self)
        super().__init__(TcpTransport(way, "", asyncio.Protocol, lambda _: None))
        self.frames: list[bytes] = []

    def send(self, frame: bytes) -> int:  # type: ignore[override]
        self.frames.append(frame)
        return len(frame)

    @property
    def readings(self) -> list[dict[str, Any]]:
        return [json.loads(frame[frame.index(b"{") :])["args"][0] for frame in self.frames]


class Desk:
    """A publisher with a topic broadcaster."""

    def __init__(self, interval: float = 1.0) -> None:
        self.publisher = Publisher(interval=Seconds(interval), topics=TOPICS)
        self.demand: dict[str, Demand] = {}
        self.publisher.on_demand = lambda demand: setattr(self, "demand", dict(demand))
        self.broadcaster = TopicBroadcaster(
            self.publisher, lambda: Instant(WALL, Seconds(asyncio.get_running_loop().time()))
        )

    def client(self, *topics: str, interval: float = 1.0) -> Client:
        client = Client()
        self.broadcaster.subscribe(client, topics, Seconds(interval))
        return client

    def put(self, **levels: float) -> None:
        for name, level in levels.items():
            self.publisher.put(name, (Cpu if name == "cpu" else Backlight)(Percent(level)))


async def test_only_subscribed_topics_are_read_and_sent() -> None:
    desk = Desk()
    client = desk.client("backlight")
    desk.put(backlight=10, cpu=1)
    await asyncio.sleep(0.01)

    assert desk.demand == {"backlight": Demand.LIVE}
    assert client.readings == [{"backlight": {"level": 10}}]
    desk.broadcaster.leave(client)
    assert desk.demand == {}


async def test_first_readings_are_complete_with_null_for_absent_hardware() -> None:
    desk = Desk()
    client = desk.client("cpu", "players", "backlight")
    desk.put(cpu=5)
    desk.publisher.put("backlight", None)
    await asyncio.sleep(0.5)

    assert client.readings[0] == {"cpu": {"busy": 5}, "players": [], "backlight": None}
    desk.broadcaster.leave(client)


async def test_later_readings_have_the_changed_topics_only() -> None:
    desk = Desk()
    client = desk.client("cpu", "backlight")
    desk.put(cpu=5, backlight=1)
    await asyncio.sleep(0.2)
    desk.put(backlight=2)
    await asyncio.sleep(3.0)

    assert client.readings == [
        {"cpu": {"busy": 5}, "backlight": {"level": 1}},
        {"backlight": {"level": 2}},
    ]
    desk.broadcaster.leave(client)


async def test_clients_with_the_same_wish_get_the_same_bytes() -> None:
    desk = Desk()
    first, second = desk.client("backlight", "cpu"), desk.client("cpu", "backlight")
    other = desk.client("backlight")
    desk.put(cpu=5, backlight=1)
    await asyncio.sleep(0.5)

    assert first.frames[0] is second.frames[0]
    assert other.readings == [{"backlight": {"level": 1}}]
    for client in (first, second, other):
        desk.broadcaster.leave(client)


async def test_late_client_gets_complete_readings_at_once() -> None:
    desk = Desk()
    first = desk.client("cpu", "backlight")
    desk.put(cpu=5, backlight=1)
    await asyncio.sleep(1.5)
    late = desk.client("cpu", "backlight")

    assert late.readings == [{"cpu": {"busy": 5}, "backlight": {"level": 1}}]
    assert len(first.frames) == 1
    desk.broadcaster.leave(first)
    desk.broadcaster.leave(late)


async def test_client_that_skips_frames_gets_every_missed_topic_later() -> None:
    desk = Desk()
    slow, fast = desk.client("cpu", "backlight"), desk.client("cpu", "backlight")
    desk.put(cpu=5, backlight=1)
    await asyncio.sleep(0.2)
    slow.transport.unsent_since = asyncio.get_running_loop().time()
    slow.transport.send_nowait = lambda _: BUSY
    for level in (2, 3):
        desk.put(backlight=level)
        await asyncio.sleep(0.2)
    slow.transport.send_nowait = slow.send
    desk.put(cpu=6)
    await asyncio.sleep(1.5)

    assert slow.skipped >= 2
    later = {topic: value for each in slow.readings[1:] for topic, value in each.items()}
    assert later == {"cpu": {"busy": 6}, "backlight": {"level": 3}}
    assert len(slow.frames) < len(fast.frames)
    assert fast.readings[1:] == [
        {"backlight": {"level": 2}},
        {"backlight": {"level": 3}},
        {"cpu": {"busy": 6}},
    ]
    desk.broadcaster.leave(slow)
    desk.broadcaster.leave(fast)


@pytest.mark.parametrize(("interval", "most"), [(1.0, 20), (2.0, 10), (5.0, 4)])
async def test_polled_topics_are_sent_once_in_the_interval(interval: float, most: int) -> None:
    desk = Desk()
    client = desk.client("cpu", "backlight", interval=interval)
    desk.put(cpu=0, backlight=1)
    for second in range(20):
        await asyncio.sleep(1.0)
        desk.put(cpu=second + 1)
    polled = [each for each in client.readings if "cpu" in each]

    assert most - 1 <= len(polled) - 1 <= most
    desk.broadcaster.leave(client)


async def test_signalled_change_does_not_wait_for_the_interval() -> None:
    desk = Desk()
    client = desk.client("cpu", "backlight", interval=5.0)
    desk.put(cpu=0, backlight=1)
    await asyncio.sleep(0.5)
    desk.put(cpu=1, backlight=2)
    await asyncio.sleep(0.1)

    assert client.readings[1:] == [{"backlight": {"level": 2}}]
    desk.broadcaster.leave(client)


async def test_long_interval_runs_the_devices_in_the_background() -> None:
    desk = Desk()
    client = desk.client("cpu", "backlight", interval=30.0)
    desk.put(cpu=0, backlight=1)
    demand = dict(desk.demand)
    for second in range(70):
        await asyncio.sleep(1.0)
        desk.put(cpu=second + 1, backlight=second)

    assert demand == {"cpu": Demand.BACKGROUND, "backlight": Demand.BACKGROUND}
    assert 2 <= len(client.frames) - 1 <= 3
    desk.broadcaster.leave(client)


async def test_last_change_in_the_background_is_sent_at_the_end_of_the_interval() -> None:
    desk = Desk()
    client = desk.client("backlight", interval=60.0)
    desk.put(backlight=1)
    await asyncio.sleep(12.0)
    desk.put(backlight=2)
    await asyncio.sleep(70.0)

    assert client.readings[-1] == {"backlight": {"level": 2}}
    desk.broadcaster.leave(client)


async def test_interval_is_never_shorter_than_the_desks() -> None:
    desk = Desk(interval=2.0)

    assert desk.broadcaster.subscribe(Client(), ["cpu"], Seconds(0.1)) == 2.0


async def test_new_subscription_replaces_the_old_one_and_ends_its_devices() -> None:
    desk = Desk()
    client = desk.client("cpu")
    desk.broadcaster.subscribe(client, ["backlight"], Seconds(1.0))
    desk.put(backlight=1, cpu=1)
    await asyncio.sleep(0.1)

    assert desk.demand == {"backlight": Demand.LIVE}
    assert client.readings == [{"backlight": {"level": 1}}]
    desk.broadcaster.subscribe(client, [], Seconds(1.0))
    assert desk.demand == {}
    desk.put(backlight=2)
    await asyncio.sleep(0.1)
    assert len(client.frames) == 1


async def test_same_subscription_again_is_answered_with_complete_readings() -> None:
    desk = Desk()
    client = desk.client("backlight")
    desk.put(backlight=1)
    await asyncio.sleep(0.1)
    desk.broadcaster.subscribe(client, ["backlight"], Seconds(1.0))

    assert client.readings == [{"backlight": {"level": 1}}] * 2
    desk.broadcaster.leave(client)


async def test_position_of_a_player_is_as_of_the_sending() -> None:
    desk = Desk()
    playing = Player(
        id=PlayerId("player1"),
        name="mpv",
        playing=True,
        title="One",
        position=Position(
            Seconds(10.0), Seconds(asyncio.get_running_loop().time() - 5.0), rate=1.0
        ),
    )
    client = desk.client("players")
    desk.publisher.put("players", (playing,))
    await asyncio.sleep(2.0)
    late = desk.client("players")

    assert client.readings[0]["players"][0]["position"] == {"at": 15, "read": WALL, "rate": 1}
    assert late.readings[0]["players"][0]["position"] == {"at": 17, "read": WALL, "rate": 1}
    desk.broadcaster.leave(client)
    desk.broadcaster.leave(late)
