import asyncio
import socket
from collections.abc import Callable
from typing import cast

import pytest

from deskwire.core.publisher import Publisher
from deskwire.model.readings import Volume
from deskwire.model.topics import Topic
from deskwire.model.units import Percent, Seconds
from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.websocket import broadcaster as module
from deskwire.server.websocket.broadcaster import Broadcaster
from deskwire.server.websocket.connection import Connection
from tests.support.waiting import until_async

pytestmark = pytest.mark.warped


class Screen(Connection):
    """A connection whose socket only notes what it is sent."""

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
    """A socket that leads nowhere, and takes everything."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def send(self, content: bytes) -> int:
        self._screen.offered.append(content)
        self._screen.on_frame()
        return len(content)


def room() -> tuple[Publisher, Broadcaster]:
    publisher = Publisher(interval=Seconds(60), topics=[Topic("volume", Volume)])
    return publisher, Broadcaster(publisher)


def level(number: int) -> Volume:
    return Volume(Percent(number))


def levels(screen: Screen) -> list[int]:
    return [int(frame.split(b'volume\\":')[1].split(b"}")[0]) for frame in screen.offered]


async def test_everyone_gets_the_same_bytes() -> None:
    publisher, broadcaster = room()
    screens = [Screen() for _ in range(3)]
    for screen in screens:
        broadcaster.join(screen)

    publisher.put("volume", level(1))

    assert [levels(screen) for screen in screens] == [[1]] * 3
    assert screens[0].offered[0] is screens[2].offered[0]
    for screen in screens:
        broadcaster.leave(screen)


async def test_who_joins_later_gets_the_newest_at_once() -> None:
    publisher, broadcaster = room()
    first, later = Screen(), Screen()
    broadcaster.join(first)
    publisher.put("volume", level(7))

    broadcaster.join(later)

    assert levels(later) == [7]
    broadcaster.leave(first)
    broadcaster.leave(later)


async def test_a_crowd_is_served_in_portions_between_which_others_get_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PORTION", 10)
    publisher, broadcaster = room()
    order: list[str] = []
    screens = [Screen(lambda: order.append("screen")) for _ in range(25)]
    for screen in screens:
        broadcaster.join(screen)

    publisher.put("volume", level(1))
    asyncio.get_running_loop().call_soon(order.append, "another")
    await until_async(lambda: len(order) == 26)

    assert order.index("another") in range(10, 21)
    assert all(levels(screen) == [1] for screen in screens)
    for screen in screens:
        broadcaster.leave(screen)


async def test_a_newer_frame_overtakes_the_older_in_a_crowd(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PORTION", 10)
    publisher, broadcaster = room()
    screens = [Screen() for _ in range(25)]
    for screen in screens:
        broadcaster.join(screen)

    publisher.put("volume", level(1))
    publisher.put("volume", level(2))
    await until_async(lambda: all(levels(screen)[-1:] == [2] for screen in screens))

    assert levels(screens[0]) == [1, 2]
    assert [levels(screen) for screen in screens] == [[1, 2]] * 20 + [[2]] * 5
    for screen in screens:
        broadcaster.leave(screen)


async def test_who_left_gets_nothing_more_and_the_last_one_ends_the_watch() -> None:
    publisher, broadcaster = room()
    demands: list[set[str]] = []
    publisher.on_demand = lambda demand: demands.append(set(demand))
    screen, other = Screen(), Screen()
    broadcaster.join(screen)
    broadcaster.join(other)
    publisher.put("volume", level(1))

    broadcaster.leave(screen)
    broadcaster.leave(screen)
    broadcaster.leave(other)
    publisher.put("volume", level(2))

    assert demands == [{"volume"}, set()]
    assert levels(screen) == [1]


async def test_pings_begin_with_who_comes_and_rest_while_nobody_is_there() -> None:
    _, broadcaster = room()
    first, second = Screen(), Screen()
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


async def test_everyone_is_pinged_and_then_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_INTERVAL", 0.03)
    monkeypatch.setattr(module, "PONG_TIMEOUT", 0.01)
    _, broadcaster = room()
    screen = Screen()
    broadcaster.join(screen)

    await until_async(lambda: screen.pings >= 2 and screen.asked >= 2)
    broadcaster.leave(screen)
    pings = screen.pings
    await asyncio.sleep(0.06)

    assert screen.pings == pings


async def test_who_may_not_watch_is_pinged_and_shown_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PING_INTERVAL", 0.03)
    monkeypatch.setattr(module, "PONG_TIMEOUT", 0.01)
    publisher, broadcaster = room()
    watcher, blind = Screen(), Screen()
    broadcaster.join(watcher)
    publisher.put("volume", level(1))

    broadcaster.accompany(blind)
    broadcaster.refresh(blind)
    broadcaster.leave(watcher)
    await until_async(lambda: blind.pings >= 2 and blind.asked >= 2)
    broadcaster.leave(blind)

    assert blind.offered == []
    assert broadcaster.newest() is None
