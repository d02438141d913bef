import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.websocket.connection import Connection
from tests.support.time_scaling import patiently


class Pair:
    """A connection, and the socket of the peer it writes to; the kernel holds little between."""

    def __init__(self, stream: TcpTransport, peer: socket.socket) -> None:
        self.stream = stream
        self.connection = Connection(stream)
        self.peer = peer

    async def read(self, size: int = 65536) -> bytes:
        """Return what has come so far, at least one byte; nothing at the end."""
        async with asyncio.timeout(patiently(5)):
            return await asyncio.get_running_loop().sock_recv(self.peer, size)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    ours, peer = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    ours.setblocking(False)
    peer.setblocking(False)
    stream = TcpTransport(ours, "", asyncio.Protocol, lambda _: None)
    stream.start()
    yield Pair(stream, peer)
    stream.abort()
    peer.close()
    await asyncio.sleep(0)
