"""Many at the door at once: half handshakes, slow senders, log-ins. Who is let in goes on."""

import asyncio
import itertools
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.client import Client
from tests.support.processes import descriptors
from tests.support.programs import Daemon
from tests.support.raw_socket import remote_end
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

CUT_WITHIN = 15.0
LATE = patiently(10.0)
HALF_HANDSHAKES, SLOW_SENDERS, TAKE_NOTHING = 300, 200, 10
DESCRIPTORS, MORE_THAN_THAT = 640, 800
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""How a TLS handshake begins; 501 bytes are missing."""
MUCH = b"GET /v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100
HEAD = b"POST /v1/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture
def desk() -> Iterator[Daemon]:
    with Daemon() as desk:
        yield desk


@pytest.fixture
async def client(desk: Daemon) -> AsyncIterator[Client]:
    async with Client(desk) as client:
        yield client


async def half_handshake(port: int) -> float:
    """Begin TLS and wait; return how long the desk bore it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    writer.write(HELLO)
    return await until_cut(reader, writer, began)


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def takes_nothing(port: int) -> float:
    """Ask for a megabyte and read none of it; return how long the desk bore it."""
    began = time.monotonic()
    with await asyncio.to_thread(asked_much, port) as peer:
        own = peer.getsockname()[1]
        await until_async(lambda: not remote_end(own).held, within=CUT_WITHIN + LATE)
    return time.monotonic() - began


def asked_much(port: int) -> socket.socket:
    """Return a connection of which the kernel takes little that is not read."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(patiently(5))
    plain.connect(("127.0.0.1", port))
    peer = trusting().wrap_socket(plain)
    peer.sendall(MUCH)
    return peer


async def slow_sender(port: int, number: int) -> float:
    """Send a head, or a body, a byte at a time; return how long the desk bore it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting())
    began = time.monotonic()
    writer.write(HEAD + (b"Content-Length: 900\r\n\r\n{" if number % 2 else b"X-Slow: "))

    async def drip() -> None:
        while not writer.is_closing():
            writer.write(b"a")
            await asyncio.sleep(1)

    dripping = asyncio.create_task(drip())
    try:
        return await until_cut(reader, writer, began)
    finally:
        dripping.cancel()


async def until_cut(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, began: float
) -> float:
    """Read to the end; return how long it took to come."""
    try:
        while await reader.read(4096):
            pass
    except OSError:
        pass
    took = time.monotonic() - began
    writer.transport.abort()
    return took


async def test_unfinished_connections_are_cut_and_delay_no_request(
    desk: Daemon, client: Client
) -> None:
    port = urlsplit(desk.address).port
    assert port is not None
    async with client.watch() as screen:
        quiet = descriptors(desk.pid)
        async with asyncio.timeout(CUT_WITHIN + LATE), asyncio.TaskGroup() as tasks:
            half = [tasks.create_task(half_handshake(port)) for _ in range(HALF_HANDSHAKES)]
            idle = [tasks.create_task(takes_nothing(port)) for _ in range(TAKE_NOTHING)]
            slow = []
            for number in range(SLOW_SENDERS):
                slow.append(tasks.create_task(slow_sender(port, number)))
                await asyncio.sleep(0.002)
            answered = []
            while not all(task.done() for task in (*half, *idle, *slow)):
                async with Client(desk) as stranger:
                    asked = time.monotonic()
                    assert (await stranger.request("GET", "/healthz")).status == 200
                    answered.append(time.monotonic() - asked)
                await asyncio.sleep(0.2)
        gaps = [later.at - sooner.at for sooner, later in itertools.pairwise(screen.frames)]
        await until_async(lambda: descriptors(desk.pid) <= quiet)

    assert max(task.result() for task in half) < CUT_WITHIN + LATE
    assert max(task.result() for task in idle) < CUT_WITHIN + LATE
    assert max(task.result() for task in slow) < CUT_WITHIN + LATE
    assert len(answered) > 5
    assert max(answered) < patiently(1.5)
    assert max(gaps) < patiently(2)


async def test_more_connections_than_descriptors_do_not_block_the_owner() -> None:
    with Daemon(prefix=["prlimit", f"--nofile={DESCRIPTORS}"]) as desk:
        port = urlsplit(desk.address).port
        async with Client(desk) as client, Client(desk) as owner, client.watch() as screen:
            crowd = []
            for _ in range(MORE_THAN_THAT):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(HELLO)
                crowd.append(writer)
            came = time.monotonic()
            async with owner.watch():
                took = time.monotonic() - came
            await screen.frame(lambda _: True, since=screen.count + 1)
            gaps = [later.at - sooner.at for sooner, later in itertools.pairwise(screen.frames)]
            for writer in crowd:
                writer.transport.abort()
        log = desk.log

    assert took < patiently(1)
    assert max(gaps) < patiently(1.5)
    assert "no connection can be accepted" not in log


async def test_sixty_concurrent_logins_succeed_without_delaying_the_stream(client: Client) -> None:
    async with client.watch() as screen:
        since = screen.count
        answers = await asyncio.gather(*(client.login() for _ in range(60)))
        await screen.frame(lambda _: True, since=screen.count + 1)
        gaps = [
            later.at - sooner.at for sooner, later in itertools.pairwise(screen.frames[since - 1 :])
        ]

    assert {answer.status for answer in answers} == {200}
    assert max(gaps) < patiently(1.5)
