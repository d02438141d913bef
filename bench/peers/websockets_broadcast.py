"""Python's `websockets` with its own broadcast().

python -m bench.peers.websockets_broadcast PORT INTERVAL FRAME [CERTIFICATE KEY]
"""

import asyncio

from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench.peers.ticks import asked, next_tick

SUBSCRIBERS: set[ServerConnection] = set()


async def watch(connection: ServerConnection) -> None:
    """Live one connection's life; its first message subscribes it."""
    try:
        async for _ in connection:
            SUBSCRIBERS.add(connection)
    finally:
        SUBSCRIBERS.discard(connection)


async def main() -> None:
    """Serve for ever."""
    given = asked()
    async with serve(
        watch, "127.0.0.1", given.port, ssl=given.context, compression=None, backlog=1024
    ):
        while True:
            await next_tick(given.interval)
            broadcast(SUBSCRIBERS, given.text)


asyncio.run(main())
