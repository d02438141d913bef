"""A network between a screen and a desk that can fail: frozen, cut, mended.

It forwards TCP from a port that stays the same to wherever the desk is now, so a desk may come back
on another port.
"""

import asyncio
import contextlib
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Forwards to one address; enter it to open its port."""

    def __init__(self, target: str) -> None:
        self.target = target
        """`https://host:port`; may be changed at any time."""
        self.address = ""
        """What a screen is told instead."""
        self.accepted = 0
        """How many connections there were."""
        self.held_back = 0
        """How many pieces came while it was frozen."""
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def freeze(self) -> None:
        """Let nothing through, and tell nobody: a cable pulled out."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let everything through again, late."""
        self._flowing.set()

    def cut(self) -> None:
        """Reset every connection, and each that comes."""
        self._refusing = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Take connections again."""
        self._refusing = False

    @property
    def open(self) -> int:
        """How many connections a screen has open."""
        return len(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._forward(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._refusing:
            writer.transport.abort()
            return
        parts = urlsplit(self.target)
        try:
            beyond = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, beyond[1]}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, beyond[1]))
                both.create_task(self._pump(beyond[0], writer))
        finally:
            self._writers -= {writer, beyond[1]}
            writer.transport.abort()
            beyond[1].transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(1 << 16):
                self.held_back += not self._flowing.is_set()
                await self._flowing.wait()
                writer.write(piece)
                await writer.drain()
        with contextlib.suppress(OSError):
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
