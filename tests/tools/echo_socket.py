"""WebSocket echo server on deskwire's own server, for external test suites.

    make echo-socket ARGS="--port 9001"
    .venv/bin/python tests/tools/echo_socket.py --port 9001     without a rebuild

The handshake, the parser, the close and all limits but two are the daemon's. Here a message may
have 64 MiB, and the kernel's send buffer is larger. Every path is a WebSocket.
"""

import argparse
import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable

from aiohttp import web

from deskwire.protocol.websocket.parser import Binary, Text
from deskwire.protocol.websocket.serializer import binary_frame, text_frame
from deskwire.server.http.app import HttpApp
from deskwire.server.http.request_policy import Request, RequestPolicy
from deskwire.server.http.routes import Route
from deskwire.server.http.server import start_server
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.websocket_protocol import upgrade

MAX_MESSAGE = 64 * 1024 * 1024
SEND_BUFFER = 1024 * 1024


class AnyHost(RequestPolicy, frozen=True):
    """Policy that accepts any Host; a suite in a container uses a host name of its own."""

    def check(self, request: web.BaseRequest) -> str:
        """Return the Host of a request."""
        return request.headers.get("Host", "")


class AnyPath(HttpApp):
    """App that answers every path like `/`."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        return await super().answer(request.clone(rel_url="/"))


class Echo:
    """Receiver that sends each message back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def message_received(self, message: Text | Binary) -> None:
        """Send it back."""
        if isinstance(message, Text):
            self._connection.send(text_frame(message.text.encode()))
        else:
            self._connection.send(binary_frame(message.payload))

    def input_ended(self) -> None:
        """Do nothing."""

    def connection_lost(self) -> None:
        """Do nothing."""


async def echo(request: Request) -> web.StreamResponse:
    """Open a WebSocket."""
    if request.raw.transport is not None:
        own = request.raw.transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return upgrade(request.raw, Echo, max_message=MAX_MESSAGE)


async def serve(host: str, port: int, say: Callable[[str], None]) -> None:
    """Echo until SIGINT or SIGTERM."""
    routes = [Route("GET", "/", echo, "Echo", status=101)]
    app = AnyPath(routes, AnyHost.create(), cookie="")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await start_server(app.answer, host=host, port=port, context=None)
    say(f"echo_socket is ready at ws://{host}:{server.port}")
    await stop.wait()
    server.close()
    await server.wait_closed()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description="A WebSocket echo on deskwire's own sockets.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9001, help="0 selects a free port")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    asyncio.run(serve(given.host, given.port, lambda line: print(line, flush=True)))


if __name__ == "__main__":
    main()
