import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.websocket.connection import Connection
from tests.support.time_scaling import patiently


class Pair:
    """A connection and the socket of its peer, with small kernel buffers between them."""

    def __init__(self, transport: TcpTransport, peer: socket.socket) -> None:
        self.transport = transport
        self.connection = Connection(transport)
        self.peer = peer

    async def read(self, size: int = 65536) -> bytes:
        """Return at least one received byte, or nothing at the end."""
        async with asyncio.timeout(patiently(5)):
            return await asyncio.get_running_loop().sock_recv(self.peer, size)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    ours, peer = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    ours.setblocking(False)
    peer.setblocking(False)
    transport = TcpTransport(ours, "", asyncio.Protocol, lambda _: None)
    transport.start()
    yield Pair(transport, peer)
    transport.abort()
    peer.close()
    await asyncio.sleep(0)
