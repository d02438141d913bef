"""A minimal WebSocket server on one of two transports: the daemon's or asyncio's.

python -m bench.peers.transports deskwire|asyncio PORT INTERVAL FRAME [CERTIFICATE KEY]

Everything but the transport is the same: one small protocol, one loop over the clients.
"""

import asyncio
import base64
import hashlib
import re
import socket
import sys
from functools import partial
from pathlib import Path

from bench.peers.ticks import asked, next_tick
from deskwire.protocol.websocket.serializer import text_frame
from deskwire.server.net.certificates import server_context
from deskwire.server.net.listener import BACKLOG, Listener, listen
from deskwire.server.net.tcp_transport import BUSY, TcpTransport
from deskwire.server.net.tls_transport import TlsTransport

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLIENTS: set[asyncio.Transport] = set()


class Client(asyncio.Protocol):
    """One client: the first data is its upgrade, the next subscribes it."""

    __slots__ = ("transport", "upgraded")

    def __init__(self) -> None:
        self.upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Upgrade, or subscribe."""
        if self.upgraded:
            CLIENTS.add(self.transport)
            return
        found = re.search(rb"Sec-WebSocket-Key: (\S+)", data)
        assert found is not None
        accept = base64.b64encode(hashlib.sha1(found[1] + GUID, usedforsecurity=False).digest())
        self.upgraded = True
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        CLIENTS.discard(self.transport)


def send_with_deskwire(transport: asyncio.Transport, frame: bytes) -> None:
    """Send as the broadcaster does."""
    assert isinstance(transport, TcpTransport)
    try:
        sent = transport.send_nowait(frame)
    except OSError as problem:
        transport.send_failed(problem)
        sent = 0
    if BUSY != sent != len(frame):
        transport.buffer(frame[sent:])


def send_with_asyncio(transport: asyncio.Transport, frame: bytes) -> None:
    """Send as asyncio does, which buffers the rest."""
    transport.write(frame)


async def main(which: str) -> None:
    """Serve until the process is killed."""
    given = asked()
    bound = socket.create_server(("127.0.0.1", given.port), backlog=BACKLOG)
    loop = asyncio.get_running_loop()
    context = server_context(Path(given.certificate), Path(given.key)) if given.key else None
    servers: list[object] = []
    if which == "deskwire":
        make = partial(TlsTransport, context=context) if context else TcpTransport
        servers.append(
            Listener(listen(bound), Client, make_transport=make, max_sockets=lambda: 100_000)
        )
        send = send_with_deskwire
    else:
        listening = listen(bound)
        servers.append(
            await loop.create_server(Client, sock=listening, ssl=context, backlog=BACKLOG)
        )
        send = send_with_asyncio
    frame = text_frame(given.text.encode())
    while servers:
        await next_tick(given.interval)
        for transport in CLIENTS:
            send(transport, frame)


if __name__ == "__main__":
    asyncio.run(main(sys.argv.pop(1)))
