"""Starlette on uvicorn, with uvloop and httptools as `uvicorn[standard]` brings them.

python -m bench.peers.starlette_app PORT INTERVAL FRAME [CERTIFICATE KEY]
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.peers.ticks import asked, next_tick

SUBSCRIBERS: set[WebSocket] = set()
GIVEN = asked()


async def watch(socket: WebSocket) -> None:
    """Live one connection's life; its first message subscribes it."""
    await socket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
            SUBSCRIBERS.add(socket)
    SUBSCRIBERS.discard(socket)


async def publish() -> None:
    """Send the frame to everybody, one after another."""
    while True:
        await next_tick(GIVEN.interval)
        for socket in list(SUBSCRIBERS):
            with suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_text(GIVEN.text)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Publish as long as the application lives."""
    publishing = asyncio.create_task(publish())
    yield
    publishing.cancel()


uvicorn.run(
    Starlette(routes=[WebSocketRoute("/{path:path}", watch)], lifespan=lifespan),
    host="127.0.0.1",
    port=GIVEN.port,
    loop="uvloop",
    http="httptools",
    ws_per_message_deflate=False,
    backlog=1024,
    access_log=False,
    log_level="warning",
    ssl_certfile=GIVEN.certificate or None,
    ssl_keyfile=GIVEN.key or None,
)
