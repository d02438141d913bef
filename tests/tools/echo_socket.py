"""The product's own sockets with somebody behind them who says everything back.

    make echo-socket ARGS="--port 9001"
    .venv/bin/python tests/tools/echo_socket.py --port 9001     where something was made before

For suites that judge a WebSocket server from outside. Handshake, parser, closing and every limit
but one are the daemon's: here a message may have 64 MiB, and the kernel holds more of it for a
peer than of a desk's small frames. Any path is a socket.
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
from deskwire.server.http.app import HttpApp, start_server
from deskwire.server.http.request_policy import RequestPolicy
from deskwire.server.http.route import Request, Route
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.upgrade import upgrade

LARGEST_MESSAGE = 64 * 1024 * 1024
SEND_BUFFER = 1024 * 1024


class AnyName(RequestPolicy):
    """Answers to whatever it is called: a suite may sit in a container and call it by another."""

    def check(self, request: web.BaseRequest) -> str:
        """Return the Host a request is for."""
        return request.headers.get("Host", "")


class AnyPath(HttpApp):
    """Answers at every path as at `/`."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        return await super().answer(request.clone(rel_url="/"))


class Echo:
    """Says back what it hears; the inbox waits with the next until that is taken."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def hear(self, message: Text | Binary) -> None:
        """Say it back."""
        if isinstance(message, Text):
            self._connection.send(text_frame(message.text.encode()))
        else:
            self._connection.send(binary_frame(message.payload))

    def leave(self) -> None:
        """Nothing is kept."""

    def over(self) -> None:
        """Nothing is kept."""


async def echo(asked: Request) -> web.StreamResponse:
    """Open a socket."""
    if asked.request.transport is not None:
        own = asked.request.transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return upgrade(asked.request, Echo, largest=LARGEST_MESSAGE)


async def serve(host: str, port: int, say: Callable[[str], None]) -> None:
    """Echo until a signal says stop."""
    table = [Route(method="GET", path="/", handle=echo, summary="Echo", status=101)]
    names = AnyName(allowed_hosts=[], allowed_origins=[], public_url="", trusted_proxies=[])
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    opened = await start_server(
        AnyPath(table, names, cookie=""), host=host, port=port, context=None
    )
    say(f"echo_socket is ready at ws://{host}:{opened.port}")
    await stop.wait()
    opened.close()
    await opened.wait_closed()


def main() -> None:
    """Read the command line, and serve."""
    parser = argparse.ArgumentParser(description="A WebSocket echo on deskwire's own sockets.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9001, help="0 picks a free one")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    asyncio.run(serve(given.host, given.port, lambda line: print(line, flush=True)))


if __name__ == "__main__":
    main()
