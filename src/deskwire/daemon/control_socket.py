"""Control socket: the channel from deskwire's commands to the running daemon.

A Unix socket in the state directory, which is closed to other users. Each connection carries one
request, a line, and one reply in JSON:

    clients    the clients with an authenticated socket
    refresh    read the logins again, after a command has ended some of them

A command that ends logins connects before its commit and stays connected until it has asked for
the refresh. If it is killed in between, the connection ends without a request, and the daemon
refreshes, too. So the daemon notices every commit of a command. No secret goes through the socket.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import msgspec

from deskwire.model.access import ConnectedClient
from deskwire.model.problems import StateUnavailable, Unavailable
from deskwire.model.units import Seconds

NAME = "control.sock"
CLIENTS = b"clients\n"
REFRESH = b"refresh\n"
REPLY_TIMEOUT = Seconds(5.0)
RETRY_INTERVAL = Seconds(0.5)
"""Between two attempts to read the logins while the database cannot be read."""

log = logging.getLogger("deskwire")


class DaemonUnresponsive(Unavailable):
    """A daemon runs and does not answer."""

    code = "daemon_unresponsive"


@asynccontextmanager
async def serve_control_socket(
    folder: Path,
    clients: Callable[[], Sequence[ConnectedClient]],
    refresh: Callable[[], Awaitable[bool]],
) -> AsyncIterator[None]:
    """Answer commands during the block; `refresh` reads the logins again.

    If the socket cannot be opened, the daemon polls the database instead.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        try:
            if await reader.readline() == CLIENTS:
                writer.write(msgspec.json.encode(clients()))
            else:
                await refresh_until_done(refresh)
                writer.write(b"{}")
            await writer.drain()
        except (OSError, ValueError):  # the command is gone, or its line is too long
            pass
        finally:
            writer.close()

    server: asyncio.Server | None = None
    try:
        listening = await asyncio.to_thread(listen, folder)
        # start_unix_server() of Python 3.13 would use the short path, which is gone by now
        server = await asyncio.start_server(answer, sock=listening)
        first = refresh_until_done(refresh)  # for a commit before the socket was open
    except OSError as problem:
        log.warning(
            "%s cannot be opened: %s; the database is read every %g s instead",
            folder / NAME,
            problem.strerror,
            RETRY_INTERVAL,
        )
        first = poll(refresh)
    tasks.add(asyncio.create_task(first))
    try:
        yield
    finally:
        if server is not None:
            server.close()
            await asyncio.to_thread((folder / NAME).unlink, missing_ok=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def refresh_until_done(refresh: Callable[[], Awaitable[bool]]) -> None:
    """Call `refresh`, and try again while the database cannot be read."""
    failure = ""
    while True:
        try:
            await refresh()
        except StateUnavailable as problem:
            if problem.message != failure:
                failure = problem.message
                log.warning("the logins cannot be read again yet: %s", failure)
            await asyncio.sleep(RETRY_INTERVAL)
        else:
            return


async def poll(refresh: Callable[[], Awaitable[bool]]) -> None:
    """Refresh every half second, until cancelled."""
    while True:
        await refresh_until_done(refresh)
        await asyncio.sleep(RETRY_INTERVAL)


def listen(folder: Path) -> socket.socket:
    """Bind the socket, and replace one that a killed daemon left; blocks.

    The caller has locked the state directory. Raises `OSError`.
    """
    with short_path(folder) as path:
        (folder / NAME).unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        try:
            listening.bind(path)
            Path(path).chmod(0o600)  # before it listens, so that no one could connect
        except OSError:
            listening.close()
            raise
    return listening


def list_clients(folder: Path) -> list[ConnectedClient]:
    """Return the clients of the running daemon, none if no daemon answers; blocks."""
    try:
        with connect(folder) as daemon:
            return msgspec.json.decode(ask(daemon, CLIENTS), type=list[ConnectedClient])
    except (OSError, msgspec.DecodeError):
        return []


@contextmanager
def refresh_after(folder: Path) -> Iterator[None]:
    """Have the running daemon read the logins again after the block, which commits a change.

    Without a running daemon it does nothing. Raises `DaemonUnresponsive`; the change is committed
    all the same. Blocks.
    """
    try:
        announced = connect(folder)
    except OSError:
        yield
    else:
        with closing(announced):
            yield
    try:
        with connect(folder) as daemon:
            ask(daemon, REFRESH)
    except (TimeoutError, BlockingIOError):
        raise DaemonUnresponsive(
            f"the change is saved, but the daemon did not answer within {REPLY_TIMEOUT:g} s; "
            "restart it to close the sockets of these logins"
        ) from None
    except OSError:  # no daemon runs
        return


def connect(folder: Path) -> socket.socket:
    """Connect to the running daemon; raises `OSError`, `ConnectionRefusedError` if none runs."""
    with short_path(folder) as path:
        daemon = socket.socket(socket.AF_UNIX)
        try:
            daemon.settimeout(REPLY_TIMEOUT)
            daemon.connect(path)
        except OSError:
            daemon.close()
            raise
    return daemon


def ask(daemon: socket.socket, request: bytes) -> bytes:
    """Send a request and return the reply; raises `OSError`."""
    daemon.sendall(request)
    return b"".join(iter(lambda: daemon.recv(65536), b""))


@contextmanager
def short_path(folder: Path) -> Iterator[str]:
    """Yield a path of the socket that fits into sockaddr_un, however long the real one is."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)
