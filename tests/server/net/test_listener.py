import asyncio
import errno
import logging
import os
import socket
from collections.abc import AsyncIterator

import pytest

from deskwire.server.eviction import EvictionQueue
from deskwire.server.net import listener as module
from deskwire.server.net.listener import ACCEPTS_PER_TURN, Listener
from deskwire.server.net.tcp_transport import TcpTransport
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async


class ShortSocket(socket.socket):
    """ShortSocket socket that runs out of file descriptors `short` times."""

    short = 0

    def accept(self) -> tuple[socket.socket, object]:
        if self.short:
            self.short -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


class Port:
    """A listener and the number of its connections."""

    def __init__(self, listening: ShortSocket) -> None:
        self.listening = listening
        self.address = listening.getsockname()
        self.connections = 0
        self.max_sockets = 256
        self.visitors: EvictionQueue[asyncio.Transport] = EvictionQueue()
        self.listener = Listener(
            listening,
            asyncio.Protocol,
            visitors=self.visitors,
            on_connection=self._count,
            max_sockets=lambda: self.max_sockets,
        )

    def _count(self) -> None:
        self.connections += 1


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    listening = ShortSocket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(ACCEPTS_PER_TURN * 2)
    listening.setblocking(False)
    port = Port(listening)
    yield port
    port.listener.close()
    port.listener.abort_all()
    await asyncio.sleep(0)


async def test_connection_is_reported_and_held_until_closed(port: Port) -> None:
    peer = socket.create_connection(port.address)
    await until_async(lambda: len(port.listener) == 1)

    peer.close()

    await until_async(lambda: len(port.listener) == 0)
    assert port.connections == 1


async def test_burst_of_connections_is_accepted_completely(port: Port) -> None:
    peers = [socket.create_connection(port.address) for _ in range(ACCEPTS_PER_TURN + 10)]

    await until_async(lambda: len(port.listener) == ACCEPTS_PER_TURN + 10)
    for peer in peers:
        peer.close()
    await until_async(lambda: len(port.listener) == 0)


async def test_oldest_http_connection_is_closed_above_the_limit(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_HTTP_CONNECTIONS", 3)
    port.max_sockets = 2
    peers = []
    for number in range(6):
        peers.append(socket.create_connection(port.address))
        await until_async(lambda expected=number: port.connections == expected + 1)  # type: ignore[misc]
    ended = [await has_ended(peer) for peer in peers[:2]]

    assert ended == [True, True]
    assert len(port.listener) == 4
    for peer in peers:
        peer.close()


async def test_flood_from_one_address_does_not_close_a_connection_of_another(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_HTTP_CONNECTIONS", 4)
    port.max_sockets = 1
    owner = socket.create_connection(port.address)
    await until_async(lambda: len(port.listener) == 1)
    (transport,) = port.listener

    for _ in range(40):
        with socket.create_connection(port.address, source_address=("127.0.0.2", 0)):
            expected = port.connections + 1
            await until_async(lambda expected=expected: port.connections == expected)  # type: ignore[misc]
    flood = [
        socket.create_connection(port.address, source_address=("127.0.0.3", 0)) for _ in range(40)
    ]
    await until_async(lambda: port.connections == 81)

    assert next(iter(port.listener)) is transport
    assert not transport.is_closing()
    for peer in (owner, *flood):
        peer.close()


async def test_websocket_is_not_closed_for_a_new_connection(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_HTTP_CONNECTIONS", 2)
    port.max_sockets = 1
    websocket = socket.create_connection(port.address)
    await until_async(lambda: len(port.listener) == 1)
    (transport,) = port.listener
    port.visitors.discard(transport)  # as the HTTP server does at an upgrade
    first, *others = [socket.create_connection(port.address) for _ in range(3)]

    assert await has_ended(first)
    assert next(iter(port.listener)) is transport
    assert len(port.listener) == 3
    for peer in (websocket, first, *others):
        peer.close()


async def has_ended(peer: socket.socket) -> bool:
    """Wait for the other end to close; return True."""
    peer.setblocking(False)
    async with asyncio.timeout(patiently(5)):
        return await asyncio.get_running_loop().sock_recv(peer, 1) == b""


async def test_abort_all_closes_every_connection(port: Port) -> None:
    peer = socket.create_connection(port.address)
    await until_async(lambda: len(port.listener) == 1)

    port.listener.abort_all()

    assert await has_ended(peer)
    peer.close()


async def test_closed_listener_refuses_connections(port: Port) -> None:
    port.listener.close()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(port.address)


async def test_accepting_resumes_after_a_shortage_of_descriptors(
    port: Port, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER", 0.01)
    port.listening.short = 3
    with caplog.at_level(logging.WARNING, "deskwire.http"):
        peer = socket.create_connection(port.address)
        await until_async(lambda: len(port.listener) == 1)
    peer.close()

    assert "Too many open files" in caplog.text


async def test_listener_closes_during_a_shortage_of_descriptors(port: Port) -> None:
    port.listening.short = 1
    peer = socket.create_connection(port.address)
    await until_async(lambda: port.listening.short == 0)

    port.listener.close()

    peer.close()
    assert len(port.listener) == 0


async def test_listener_uses_the_given_transport_factory() -> None:
    class OtherTransport(TcpTransport):
        pass

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    listener = Listener(
        listening,
        asyncio.Protocol,
        make_transport=OtherTransport,
        max_sockets=lambda: 1,
    )
    peer = socket.create_connection(listening.getsockname())
    await until_async(lambda: len(listener) == 1)

    assert isinstance(next(iter(listener)), OtherTransport)
    peer.close()
    listener.close()
    listener.abort_all()
    await asyncio.sleep(0)
