"""Many connections at once: half handshakes, slow senders, log-ins. Sessions continue meanwhile."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.client import Client
from tests.support.processes import descriptors
from tests.support.programs import Daemon
from tests.support.raw_socket import remote_end, trusting_context
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

CUT_WITHIN = 15.0
LATE = patiently(10.0)
HALF_HANDSHAKES, SLOW_SENDERS, SILENT_READERS = 300, 200, 10
DESCRIPTORS, CONNECTIONS = 640, 800
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""Start of a TLS handshake; 501 bytes are missing."""
REQUESTS = b"GET /v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100
HEAD = b"POST /v1/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with Daemon() as daemon:
        yield daemon


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon) as client:
        yield client


async def half_handshake(port: int) -> float:
    """Start TLS and wait; return the seconds until the server cuts the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    writer.write(HELLO)
    return await until_cut(reader, writer, began)


async def silent_reader(port: int) -> float:
    """Request a megabyte and read nothing; return the seconds until the server cuts it."""
    began = time.monotonic()
    with await asyncio.to_thread(send_requests, port) as peer:
        own = peer.getsockname()[1]
        await until_async(lambda: not remote_end(own).held, within=CUT_WITHIN + LATE)
    return time.monotonic() - began


def send_requests(port: int) -> socket.socket:
    """Return a connection with a small receive buffer on which many requests were sent."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(patiently(5))
    plain.connect(("127.0.0.1", port))
    peer = trusting_context().wrap_socket(plain)
    peer.sendall(REQUESTS)
    return peer


async def slow_sender(port: int, number: int) -> float:
    """Send a head, or a body, byte by byte; return the seconds until the server cuts it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting_context())
    began = time.monotonic()
    writer.write(HEAD + (b"Content-Length: 900\r\n\r\n{" if number % 2 else b"X-Slow: "))

    async def send_slowly() -> None:
        while not writer.is_closing():
            writer.write(b"a")
            await asyncio.sleep(1)

    sending = asyncio.create_task(send_slowly())
    try:
        return await until_cut(reader, writer, began)
    finally:
        sending.cancel()


async def until_cut(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, began: float
) -> float:
    """Read to the end; return the seconds since `began`."""
    try:
        while await reader.read(4096):
            pass
    except OSError:
        pass
    took = time.monotonic() - began
    writer.transport.abort()
    return took


async def test_unfinished_connections_are_cut_and_delay_no_request(
    daemon: Daemon, client: Client
) -> None:
    port = urlsplit(daemon.address).port
    assert port is not None
    async with client.watch() as socket:
        quiet = descriptors(daemon.pid)
        async with asyncio.timeout(CUT_WITHIN + LATE), asyncio.TaskGroup() as tasks:
            half = [tasks.create_task(half_handshake(port)) for _ in range(HALF_HANDSHAKES)]
            idle = [tasks.create_task(silent_reader(port)) for _ in range(SILENT_READERS)]
            slow = []
            for number in range(SLOW_SENDERS):
                slow.append(tasks.create_task(slow_sender(port, number)))
                await asyncio.sleep(0.002)
            delays = []
            while not all(task.done() for task in (*half, *idle, *slow)):
                async with Client(daemon) as other:
                    sent = time.monotonic()
                    assert (await other.request("GET", "/healthz")).status == 200
                    delays.append(time.monotonic() - sent)
                await asyncio.sleep(0.2)
        gap = socket.longest_gap()
        await until_async(lambda: descriptors(daemon.pid) <= quiet)

    assert max(task.result() for task in half) < CUT_WITHIN + LATE
    assert max(task.result() for task in idle) < CUT_WITHIN + LATE
    assert max(task.result() for task in slow) < CUT_WITHIN + LATE
    assert len(delays) > 5
    assert max(delays) < patiently(1.5)
    assert gap < patiently(2)


async def test_more_connections_than_descriptors_do_not_block_the_owner() -> None:
    with Daemon(prefix=["prlimit", f"--nofile={DESCRIPTORS}"]) as daemon:
        port = urlsplit(daemon.address).port
        async with Client(daemon) as client, Client(daemon) as owner, client.watch() as socket:
            writers = []
            for _ in range(CONNECTIONS):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(HELLO)
                writers.append(writer)
            began = time.monotonic()
            async with owner.watch():
                took = time.monotonic() - began
            await socket.more_frames(2)
            gap = socket.longest_gap()
            for writer in writers:
                writer.transport.abort()
        log = daemon.log

    assert took < patiently(1)
    assert gap < patiently(1.5)
    assert "no connection can be accepted" not in log


async def test_sixty_concurrent_logins_succeed_without_delaying_the_stream(client: Client) -> None:
    async with client.watch() as socket:
        since = socket.count
        answers = await asyncio.gather(*(client.login() for _ in range(60)))
        await socket.more_frames(2)
        gap = socket.longest_gap(since - 1)

    assert {answer.status for answer in answers} == {200}
    assert gap < patiently(1.5)
