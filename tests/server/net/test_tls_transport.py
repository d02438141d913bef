import asyncio
import datetime as dt
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
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
from tests.server.local_server import local_server
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

LARGE = bytes(range(256)) * 8000
CLIENT_HELLO = b"\x16\x03\x01"


class Echo(asyncio.Protocol):
    """Protocol that sends back its input."""

    made = 0
    received = 0
    lost = 0
    reason: BaseException | None = None
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.made += 1

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.transport.write(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost += 1
        self.reason = exc


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


def tls_socket(port: int, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLSocket:
    """Connect with TLS and block."""
    context = trusting(maximum_version=version, minimum_version=version)
    plain = socket.create_connection(("127.0.0.1", port), timeout=patiently(5))
    return context.wrap_socket(plain)


def end_with(sent: bytes, *, reset: bool = False) -> Callable[[socket.socket], None]:
    """Return a function that sends raw bytes below TLS, then closes without close_notify."""

    def end(peer: socket.socket) -> None:
        plain = socket.socket(fileno=peer.detach())
        plain.setblocking(True)
        if reset:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plain.sendall(sent)
        plain.close()

    return end


TLS_ENDS = {
    "fin": end_with(b""),
    "reset": end_with(b"", reset=True),
    "bad record": end_with(b"\x17\x03\x03\x00\x20" + b"x" * 32),
    "half a record": end_with(b"\x17\x03\x03\x00\x20xx"),
    "record too long": end_with(b"\x17\x03\x03\xff\xff" + b"x" * 100),
    "unknown record": end_with(b"\xff\x03\x03\x00\x01x"),
    "plaintext": end_with(b"GET / HTTP/1.1\r\n\r\n"),
    "plain alert": end_with(b"\x15\x03\x03\x00\x02\x02\x28"),
    "second hello": end_with(b"\x16\x03\x03\x00\x04\x01\x00\x00\x00"),
}


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


@pytest.mark.parametrize("end", TLS_ENDS.values(), ids=TLS_ENDS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
async def test_any_end_of_tls_is_a_lost_connection(
    port: TlsPort, version: ssl.TLSVersion, end: Callable[[socket.socket], None]
) -> None:
    peer = await asyncio.to_thread(tls_socket, port.port, version)
    peer.send(b"{")
    await until_async(lambda: port.echoes and port.echoes[0].received)

    await asyncio.to_thread(end, peer)

    await until_async(lambda: port.echoes[0].lost == 1)
    assert port.echoes[0].reason is None or isinstance(port.echoes[0].reason, ConnectionError)


@pytest.mark.parametrize("end", TLS_ENDS.values(), ids=TLS_ENDS)
async def test_login_cut_off_in_tls_logs_nothing(
    tmp_path: Path,
    context: ssl.SSLContext,
    end: Callable[[socket.socket], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with local_server(tmp_path, context=context) as server:
        peer = await asyncio.to_thread(tls_socket, server.port)
        peer.send(
            b"POST /v1/login HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        )
        await asyncio.to_thread(peer.recv, 100)  # the server waits for the rest of the body

        await asyncio.to_thread(end, peer)
        await asyncio.sleep(0.1)

    assert not caplog.records


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
