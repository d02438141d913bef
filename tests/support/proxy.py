"""TCP proxy between a client and a desk that can delay, freeze, reset and refuse connections.

Its own port stays the same, so the desk may return on another port.
"""

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Proxy to one address; its port is open while entered."""

    def __init__(self, target: str, *, round_trip: float = 0.0) -> None:
        """Add `round_trip` seconds to each exchange, the TCP handshake included."""
        self._round_trip = round_trip
        self.target = target
        """`https://host:port`; may change at any time."""
        self.address = ""
        """Address of the proxy, with the scheme of the target."""
        self.accepted = 0
        """Number of connections so far."""
        self.held_back = 0
        """Number of chunks received while frozen."""
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def freeze(self) -> None:
        """Forward nothing and keep the connections, like an unplugged cable."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Forward everything, late."""
        self._flowing.set()

    def cut(self) -> None:
        """Reset all connections, and each new one."""
        self._refusing = True
        for writer in self._writers:
            writer.transport.abort()

    def restore(self) -> None:
        """Accept connections again."""
        self._refusing = False

    @property
    def open(self) -> int:
        """Number of open connections."""
        return len(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self._forward(reader, writer)
        finally:
            writer.transport.abort()  # also if it was cancelled before it was connected
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._refusing:
            writer.transport.abort()
            return
        parts = urlsplit(self.target)
        await asyncio.sleep(self._round_trip)
        try:
            out_reader, out_writer = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, out_writer}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, out_writer))
                both.create_task(self._pump(out_reader, writer))
        finally:
            self._writers -= {writer, out_writer}
            writer.transport.abort()
            out_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while chunk := await reader.read(1 << 16):
                self.held_back += not self._flowing.is_set()
                await self._flowing.wait()
                if self._round_trip:
                    loop.call_later(self._round_trip / 2, writer.write, chunk)
                else:
                    writer.write(chunk)
                    await writer.drain()
        await asyncio.sleep(self._round_trip / 2)
        with suppress(OSError):
            await self._flowing.wait()
            writer.write_eof() if writer.can_write_eof() else writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.address = f"{urlsplit(self.target).scheme}://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        await self._server.wait_closed()
        await asyncio.sleep(0)  # the aborted connections are closed in the next turn
