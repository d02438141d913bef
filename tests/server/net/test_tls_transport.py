import asyncio
import datetime as dt
import json
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deskwire.server.net import tcp_transport as beneath
from deskwire.server.net import tls_transport as module
from deskwire.server.net.certificates import server_context
from deskwire.server.net.listener import Listener
from deskwire.server.net.self_signed import make
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

MUCH = bytes(range(256)) * 8000
CLIENT_HELLO = b"\x16\x03\x01"


class Echo(asyncio.Protocol):
    """Says back what it hears."""

    made = 0
    heard = 0
    lost = 0
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.made += 1

    def data_received(self, data: bytes) -> None:
        self.heard += len(data)
        self.transport.write(data)

    def connection_lost(self, _: BaseException | None) -> None:
        self.lost += 1


class Door:
    """An open port under TLS, with an `Echo` behind it for each who comes."""

    def __init__(self, listening: socket.socket, context: ssl.SSLContext) -> None:
        self.port: int = listening.getsockname()[1]
        self.echoes: list[Echo] = []
        self.accepting = Listener(
            listening, self._echo, context=context, on_connection=None, max_sockets=lambda: 256
        )

    def _echo(self) -> Echo:
        self.echoes.append(Echo())
        return self.echoes[-1]

    async def client(self, **settings: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect."""
        made = await asyncio.open_connection("127.0.0.1", self.port, ssl=trusting(**settings))
        await until_async(lambda: self.echoes and self.echoes[-1].made)
        return made

    def plainly(self) -> socket.socket:
        """Connect and say nothing yet."""
        peer = socket.create_connection(("127.0.0.1", self.port), timeout=patiently(5))
        peer.setblocking(False)
        return peer


def trusting(**settings: Any) -> ssl.SSLContext:
    """Return a client's context that looks at no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in settings.items():
        setattr(context, name, value)
    return context


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("tls")
    make(folder, ["127.0.0.1"], dt.datetime.now(dt.UTC))
    return server_context(folder / "certificate.pem", folder / "key.pem")


@pytest.fixture
async def door(context: ssl.SSLContext) -> AsyncIterator[Door]:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
    door = Door(listening, context)
    yield door
    door.accepting.close()
    door.accepting.abort_all()
    await asyncio.sleep(0)


async def gone(peer: socket.socket) -> None:
    """Wait until the other side has closed."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(patiently(5)):
        try:
            while await loop.sock_recv(peer, 65536):
                pass
        except ConnectionResetError:
            pass
    peer.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
async def test_much_goes_there_and_back_whole(door: Door, version: ssl.TLSVersion) -> None:
    reader, writer = await door.client(maximum_version=version, minimum_version=version)

    writer.write(MUCH)
    async with asyncio.timeout(patiently(20)):
        said = await reader.readexactly(len(MUCH))
    writer.close()
    await writer.wait_closed()

    assert said == MUCH
    await until_async(lambda: door.echoes[0].lost == 1 and len(door.accepting) == 0)


async def test_a_close_shows_the_peer_its_end_as_tls_does(door: Door) -> None:
    def visit() -> bytes:
        with socket.create_connection(("127.0.0.1", door.port), timeout=patiently(5)) as plain:
            peer = trusting().wrap_socket(plain, suppress_ragged_eofs=False)
            peer.sendall(b"there?")
            answer = peer.recv(100)
            end = peer.recv(100)  # raises where the connection is merely cut
            peer.close()
            return answer + end

    visiting = asyncio.create_task(asyncio.to_thread(visit))
    await until_async(lambda: door.echoes and door.echoes[0].heard)
    door.echoes[0].transport.close()

    assert await visiting == b"there?"
    await until_async(lambda: len(door.accepting) == 0)


async def test_who_closes_first_is_answered_likewise(door: Door) -> None:
    def visit() -> None:
        with socket.create_connection(("127.0.0.1", door.port), timeout=patiently(5)) as plain:
            peer = trusting().wrap_socket(plain, suppress_ragged_eofs=False)
            peer.unwrap().close()  # raises unless the answer is close_notify

    await asyncio.to_thread(visit)

    await until_async(lambda: len(door.accepting) == 0)


async def test_nobody_is_introduced_before_the_handshake(door: Door) -> None:
    peer = door.plainly()
    await until_async(lambda: len(door.accepting) == 1)

    peer.close()

    await until_async(lambda: len(door.accepting) == 0)
    assert door.echoes == []


async def test_a_handshake_left_half_done_is_given_up(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANDSHAKE_WITHIN", 0.05)
    peer = door.plainly()
    peer.send(CLIENT_HELLO)

    await gone(peer)

    await until_async(lambda: len(door.accepting) == 0)


async def test_what_is_no_handshake_is_hung_up_on(door: Door) -> None:
    peer = door.plainly()
    peer.send(b"\x00not a handshake")

    await gone(peer)

    await until_async(lambda: len(door.accepting) == 0)


async def test_who_wrote_http_is_told_to_write_https(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)

    writer.write(b'POST /v1/login HTTP/1.1\r\nHost: desk\r\n\r\n{"password":"a secret"}')
    async with asyncio.timeout(patiently(5)):
        answer = await reader.read()
    writer.close()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["data"]["code"] == "bad_request"
    assert "https://" in json.loads(body)["data"]["message"]
    assert b"secret" not in answer
    await until_async(lambda: len(door.accepting) == 0)
    assert door.echoes == []


async def test_a_peer_that_reads_nothing_is_gone_soon_after_the_close(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beneath, "CLOSE_WITHIN", 0.05)
    _, writer = await door.client()
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()
    echo = door.echoes[0]
    while echo.transport.get_write_buffer_size() == 0:
        echo.transport.write(MUCH)
        await asyncio.sleep(0)

    echo.transport.close()

    await until_async(lambda: echo.lost == 1)
    writer.transport.abort()


async def test_what_the_context_is_can_be_asked(door: Door, context: ssl.SSLContext) -> None:
    _, writer = await door.client()
    transport = door.echoes[0].transport

    assert transport.get_extra_info("sslcontext") is context
    assert transport.get_extra_info("peername") == writer.get_extra_info("sockname")
    assert not transport.can_write_eof()
    writer.transport.abort()
