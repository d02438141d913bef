import asyncio
import datetime as dt
import json
import socket
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deskwire.server.net import tcp_transport
from deskwire.server.net import tls_transport as module
from deskwire.server.net.certificates import server_context
from deskwire.server.net.listener import Listener
from deskwire.server.net.self_signed import make_certificate
from deskwire.server.net.tls_transport import TlsTransport
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

LARGE = bytes(range(256)) * 8000
CLIENT_HELLO = b"\x16\x03\x01"


class Echo(asyncio.Protocol):
    """Protocol that sends back its input."""

    made = 0
    received = 0
    lost = 0
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.made += 1

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.transport.write(data)

    def connection_lost(self, _: BaseException | None) -> None:
        self.lost += 1


class TlsPort:
    """A TLS listener whose connections echo."""

    def __init__(self, listening: socket.socket, context: ssl.SSLContext) -> None:
        self.port: int = listening.getsockname()[1]
        self.echoes: list[Echo] = []
        self.listener = Listener(
            listening,
            self._echo,
            make_transport=partial(TlsTransport, context=context),
            max_sockets=lambda: 256,
        )

    def _echo(self) -> Echo:
        self.echoes.append(Echo())
        return self.echoes[-1]

    async def client(self, **settings: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect with TLS."""
        made = await asyncio.open_connection("127.0.0.1", self.port, ssl=trusting(**settings))
        await until_async(lambda: self.echoes and self.echoes[-1].made)
        return made

    def plain_socket(self) -> socket.socket:
        """Connect without a handshake."""
        peer = socket.create_connection(("127.0.0.1", self.port), timeout=patiently(5))
        peer.setblocking(False)
        return peer


def trusting(**settings: Any) -> ssl.SSLContext:
    """Return a client context that accepts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in settings.items():
        setattr(context, name, value)
    return context


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("tls")
    make_certificate(folder, ["127.0.0.1"], dt.datetime.now(dt.UTC))
    return server_context(folder / "certificate.pem", folder / "key.pem")


@pytest.fixture
async def port(context: ssl.SSLContext) -> AsyncIterator[TlsPort]:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
    port = TlsPort(listening, context)
    yield port
    port.listener.close()
    port.listener.abort_all()
    await asyncio.sleep(0)


async def closed(peer: socket.socket) -> None:
    """Wait until the other end has closed."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(patiently(5)):
        try:
            while await loop.sock_recv(peer, 65536):
                pass
        except ConnectionResetError:
            pass
    peer.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
async def test_large_data_is_echoed_completely(port: TlsPort, version: ssl.TLSVersion) -> None:
    reader, writer = await port.client(maximum_version=version, minimum_version=version)

    writer.write(LARGE)
    async with asyncio.timeout(patiently(20)):
        received = await reader.readexactly(len(LARGE))
    writer.close()
    await writer.wait_closed()

    assert received == LARGE
    await until_async(lambda: port.echoes[0].lost == 1 and len(port.listener) == 0)


async def test_close_sends_close_notify(port: TlsPort) -> None:
    def connect() -> bytes:
        with socket.create_connection(("127.0.0.1", port.port), timeout=patiently(5)) as plain:
            peer = trusting().wrap_socket(plain, suppress_ragged_eofs=False)
            peer.sendall(b"there?")
            response = peer.recv(100)
            end = peer.recv(100)  # raises if the connection ends without close_notify
            peer.close()
            return response + end

    connecting = asyncio.create_task(asyncio.to_thread(connect))
    await until_async(lambda: port.echoes and port.echoes[0].received)
    port.echoes[0].transport.close()

    assert await connecting == b"there?"
    await until_async(lambda: len(port.listener) == 0)


async def test_close_notify_of_the_peer_is_answered(port: TlsPort) -> None:
    def connect() -> None:
        with socket.create_connection(("127.0.0.1", port.port), timeout=patiently(5)) as plain:
            peer = trusting().wrap_socket(plain, suppress_ragged_eofs=False)
            peer.unwrap().close()  # raises unless the response is close_notify

    await asyncio.to_thread(connect)

    await until_async(lambda: len(port.listener) == 0)


async def test_protocol_is_not_created_before_the_handshake(port: TlsPort) -> None:
    peer = port.plain_socket()
    await until_async(lambda: len(port.listener) == 1)

    peer.close()

    await until_async(lambda: len(port.listener) == 0)
    assert port.echoes == []


async def test_unfinished_handshake_times_out(
    port: TlsPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANDSHAKE_TIMEOUT", 0.05)
    peer = port.plain_socket()
    peer.send(CLIENT_HELLO)

    await closed(peer)

    await until_async(lambda: len(port.listener) == 0)


async def test_invalid_handshake_closes_the_connection(port: TlsPort) -> None:
    peer = port.plain_socket()
    peer.send(b"\x00not a handshake")

    await closed(peer)

    await until_async(lambda: len(port.listener) == 0)


async def test_plain_http_request_gets_400_that_names_https(port: TlsPort) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.port)

    writer.write(b'POST /v1/login HTTP/1.1\r\nHost: desk\r\n\r\n{"password":"a secret"}')
    async with asyncio.timeout(patiently(5)):
        response = await reader.read()
    writer.close()

    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["data"]["code"] == "bad_request"
    assert "https://" in json.loads(body)["data"]["message"]
    assert b"secret" not in response
    await until_async(lambda: len(port.listener) == 0)
    assert port.echoes == []


async def test_tls_close_is_bounded_when_the_peer_does_not_read(
    port: TlsPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_transport, "CLOSE_TIMEOUT", 0.05)
    _, writer = await port.client()
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()
    echo = port.echoes[0]
    while echo.transport.get_write_buffer_size() == 0:
        echo.transport.write(LARGE)
        await asyncio.sleep(0)

    echo.transport.close()

    await until_async(lambda: echo.lost == 1)
    writer.transport.abort()


async def test_extra_info_has_the_tls_context(port: TlsPort, context: ssl.SSLContext) -> None:
    _, writer = await port.client()
    transport = port.echoes[0].transport

    assert transport.get_extra_info("sslcontext") is context
    assert transport.get_extra_info("peername") == writer.get_extra_info("sockname")
    assert not transport.can_write_eof()
    writer.transport.abort()
