"""Who is watching now: the daemon says it to whoever may open a socket in the state directory.

Nothing is written down, so nothing can be out of date: a daemon that was killed has told nobody
anything. The socket lies in a folder that is closed to others, and no secret goes through it.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path

import msgspec

from deskwire.server.websocket.endpoint import Watcher

NAME = "watching.sock"
PATIENCE = 1.0
"""Seconds for a daemon to answer."""

Watching = Callable[[], Sequence[Watcher]]

log = logging.getLogger("deskwire")


@asynccontextmanager
async def told(folder: Path, watching: Watching) -> AsyncIterator[None]:
    """Tell everybody who asks, as long as this lasts."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(msgspec.json.encode(watching()))
        with suppress(OSError):
            await writer.drain()
        writer.close()

    try:
        own = await asyncio.to_thread(opened, folder)
    except OSError as problem:
        log.warning("who is watching cannot be asked: %s", problem.strerror)
        yield
        return
    server = await asyncio.start_unix_server(answer, sock=own)
    try:
        yield
    finally:
        server.close()
        await asyncio.to_thread((folder / NAME).unlink, missing_ok=True)


def opened(folder: Path) -> socket.socket:
    """Open the socket anew; one that a killed daemon left goes. Blocks, raises `OSError`."""
    with reachable(folder) as path:
        (folder / NAME).unlink(missing_ok=True)
        own = socket.socket(socket.AF_UNIX)
        own.bind(path)
        Path(path).chmod(0o600)  # nobody could connect before it listens
    return own


def ask(folder: Path) -> list[Watcher]:
    """Return who is watching; nobody is where no daemon runs. Blocks."""
    try:
        with reachable(folder) as path, closing(socket.socket(socket.AF_UNIX)) as daemon:
            daemon.settimeout(PATIENCE)
            daemon.connect(path)
            said = b"".join(iter(lambda: daemon.recv(65536), b""))
        return msgspec.json.decode(said, type=list[Watcher])
    except (OSError, msgspec.DecodeError):
        return []


@contextmanager
def reachable(folder: Path) -> Iterator[str]:
    """Give the socket a path that is short enough, unix(7), wherever the folder is."""
    number = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{number}/{NAME}"
    finally:
        os.close(number)
