import asyncio
import errno
import logging
import os
import socket
from collections.abc import AsyncIterator

import pytest

from deskwire.server.net import listener as module
from deskwire.server.net.listener import AT_A_STRETCH, Listener
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async


class Listening(socket.socket):
    """A listening socket on a machine that has no descriptors left, a few times."""

    short = 0

    def accept(self) -> tuple[socket.socket, object]:
        if self.short:
            self.short -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


class Door:
    """An open port, and what came of who came."""

    def __init__(self, listening: Listening) -> None:
        self.listening = listening
        self.address = listening.getsockname()
        self.visitors = 0
        self.max_sockets = 256
        self.accepting = Listener(
            listening,
            asyncio.Protocol,
            context=None,
            on_connection=self._visited,
            max_sockets=lambda: self.max_sockets,
        )

    def _visited(self) -> None:
        self.visitors += 1


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    listening = Listening()
    listening.bind(("127.0.0.1", 0))
    listening.listen(AT_A_STRETCH * 2)
    listening.setblocking(False)
    door = Door(listening)
    yield door
    door.accepting.close()
    door.accepting.abort_all()
    await asyncio.sleep(0)


async def test_whoever_comes_is_told_of_and_kept_until_gone(door: Door) -> None:
    peer = socket.create_connection(door.address)
    await until_async(lambda: len(door.accepting) == 1)

    peer.close()

    await until_async(lambda: len(door.accepting) == 0)
    assert door.visitors == 1


async def test_a_crowd_is_let_in_whole(door: Door) -> None:
    crowd = [socket.create_connection(door.address) for _ in range(AT_A_STRETCH + 10)]

    await until_async(lambda: len(door.accepting) == AT_A_STRETCH + 10)
    for peer in crowd:
        peer.close()
    await until_async(lambda: len(door.accepting) == 0)


async def test_of_too_many_who_only_stand_there_the_first_makes_room(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_VISITORS", 3)
    door.max_sockets = 2
    crowd = []
    for number in range(6):
        crowd.append(socket.create_connection(door.address))
        await until_async(lambda many=number: door.visitors == many + 1)  # type: ignore[misc]
    ended = [await has_ended(peer) for peer in crowd[:2]]

    assert ended == [True, True]
    assert len(door.accepting) == 4
    for peer in crowd:
        peer.close()


async def test_who_has_become_a_websocket_makes_no_room(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_VISITORS", 2)
    door.max_sockets = 1
    screen = socket.create_connection(door.address)
    await until_async(lambda: len(door.accepting) == 1)
    (stream,) = door.accepting
    stream.upgraded = True
    first, *others = [socket.create_connection(door.address) for _ in range(3)]

    assert await has_ended(first)
    assert next(iter(door.accepting)) is stream
    assert len(door.accepting) == 3
    for peer in (screen, first, *others):
        peer.close()


async def has_ended(peer: socket.socket) -> bool:
    """Tell whether the other end is gone, waiting until it is."""
    peer.setblocking(False)
    async with asyncio.timeout(patiently(5)):
        return await asyncio.get_running_loop().sock_recv(peer, 1) == b""


async def test_all_can_be_dropped_at_once(door: Door) -> None:
    peer = socket.create_connection(door.address)
    await until_async(lambda: len(door.accepting) == 1)

    door.accepting.abort_all()

    assert await has_ended(peer)
    peer.close()


async def test_after_it_is_shut_nobody_is_let_in(door: Door) -> None:
    door.accepting.close()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(door.address)


async def test_a_machine_without_descriptors_is_tried_again(
    door: Door, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_AFTER", 0.01)
    door.listening.short = 3
    with caplog.at_level(logging.WARNING, "deskwire.http"):
        peer = socket.create_connection(door.address)
        await until_async(lambda: len(door.accepting) == 1)
    peer.close()

    assert "Too many open files" in caplog.text


async def test_the_port_can_be_shut_while_the_machine_has_no_descriptors(door: Door) -> None:
    door.listening.short = 1
    peer = socket.create_connection(door.address)
    await until_async(lambda: door.listening.short == 0)

    door.accepting.close()

    peer.close()
    assert len(door.accepting) == 0
