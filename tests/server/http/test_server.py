import asyncio
import inspect
import json
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from deskwire.server.http import server as module
from deskwire.server.http.content import File, Pages
from deskwire.server.http.server import AIOHTTP_PRIVATE, WRITE_TIMEOUT, HttpProtocol, HttpServer
from tests.server.local_server import PASSWORD, LocalServer, local_server
from tests.support.raw_socket import remote_end
from tests.support.waiting import until_async

HOST = b"Host: 127.0.0.1\r\nConnection: close\r\n"
LARGE = b"x" * 1_000_000
RECEIVE_BUFFER = 4096
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalServer]:
    monkeypatch.setattr(module, "LINGERING_TIME", 0.1)
    async with local_server(tmp_path) as running:
        yield running


@pytest.fixture
async def large_page(tmp_path: Path) -> AsyncIterator[LocalServer]:
    page = File(
        media_type="text/plain", cache_control="", bodies={"identity": LARGE}, digest="large"
    )
    async with local_server(tmp_path, pages=Pages({"index.html": page})) as running:
        yield running


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET http://127.0.0.1/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Origin: https://evil.example\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 100_000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 5000 + b"\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 3, 4\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nTransfer-Encoding: chunked"
         b"\r\n\r\n0\r\n\r\n", 400),
        (b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n", 400),
        (b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n", 400),
        (b"POST /v1/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
         b"Content-Length: 1000000\r\n\r\n", 413),
        (b"POST /v1/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
         b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk", 415),
        (b"POST /healthz HTTP/1.1\r\n" + HOST + b"Content-Encoding: gzip\r\n"
         b"Content-Length: 4\r\n\r\njunk", 405),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 501),
        (b"TRACE /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"BREW /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"PUT /v1/login HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n", 405),
        (b"OPTIONS /v1/login HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"GET /v1/login/ HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    ],
    ids=lambda given: given[:60].decode("latin-1") if isinstance(given, bytes) else str(given),
)  # fmt: skip
async def test_any_request_gets_one_response_with_common_headers(
    server: LocalServer, request_bytes: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    response = await server.send_raw(request_bytes)

    head, _, body = response.partition(b"\r\n\r\n")
    assert int(head.split(b" ")[1]) == status, response[:300]
    assert response.startswith(b"HTTP/1.")
    assert response.count(b"HTTP/1.") == 1
    assert not caplog.records
    assert json.loads(body)["object"] == ("error" if status != 200 else "health")
    assert b"Server: deskwire\r\n" in head
    assert b"nosniff" in head
    assert b"Content-Security-Policy" in head
    assert b"aiohttp" not in response.lower()
    assert b"python" not in response.lower()


async def test_head_request_gets_headers_without_body(server: LocalServer) -> None:
    response = await server.send_raw(b"HEAD /healthz HTTP/1.1\r\n" + HOST + b"\r\n")

    assert response.startswith(b"HTTP/1.1 200 OK")
    assert response.endswith(b"\r\n\r\n")


async def test_unfinished_request_head_closes_the_connection(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = module.KEEPALIVE_TIMEOUT
    monkeypatch.setattr(module, "KEEPALIVE_TIMEOUT", 0.2)

    response = await server.send_raw(b"GET /healthz HTTP/1.1\r\nHost: 12")

    assert response == b""
    assert default <= 15


async def test_client_that_sends_eof_still_gets_responses(server: LocalServer) -> None:
    login = json.dumps({"username": "ann", "password": PASSWORD}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        b"POST /v1/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        + b"Content-Length: %d\r\n\r\n" % len(login)
        + login
    )
    writer.write_eof()

    async with asyncio.timeout(module.KEEPALIVE_TIMEOUT / 2):
        response = await reader.read()
    writer.close()

    assert response.count(b"HTTP/1.1 200 OK") == 2
    assert b'"login_token"' in response


async def test_client_that_does_not_read_the_response_is_disconnected(
    large_page: LocalServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "WRITE_TIMEOUT", 0.2)
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        peer.connect(("127.0.0.1", large_page.port))
        port = peer.getsockname()[1]
        peer.sendall(REQUEST + b"\r\n")

        await until_async(lambda: remote_end(port).unsent > RECEIVE_BUFFER)
        await until_async(lambda: not remote_end(port).held)

    assert not caplog.records


async def test_large_response_arrives_complete(large_page: LocalServer) -> None:
    response = await large_page.send_raw(REQUEST + b"Connection: close\r\n\r\n")

    assert response.endswith(b"\r\n\r\n" + LARGE)


class FakeTransport(asyncio.Transport):
    """Transport that records an abort."""

    aborted = False

    def abort(self) -> None:
        """Record it."""
        self.aborted = True

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.virtual_time
@pytest.mark.parametrize("reads", [True, False])
async def test_client_that_reads_within_the_write_timeout_stays_connected(reads: bool) -> None:
    transport, protocol = FakeTransport(), HttpServer(no_response)()
    protocol.connection_made(transport)

    protocol.pause_writing()
    await asyncio.sleep(WRITE_TIMEOUT - 1)
    if reads:
        protocol.resume_writing()
    await asyncio.sleep(2)

    assert WRITE_TIMEOUT <= 15
    assert transport.aborted == (not reads)
    protocol.connection_lost(None)


async def no_response(_: web.BaseRequest) -> web.StreamResponse:
    """Fail; no request arrives."""
    raise NotImplementedError


@pytest.mark.parametrize("name", AIOHTTP_PRIVATE)
async def test_private_attribute_of_aiohttp_exists(name: str) -> None:
    protocol = HttpServer(no_response)()

    assert hasattr(protocol, name)


def test_server_uses_no_other_private_attribute_of_aiohttp() -> None:
    own = set(HttpProtocol.__slots__) | {
        name for name in vars(HttpProtocol) if not name.startswith("__")
    }
    used = re.findall(r"self\.(_\w+)", inspect.getsource(HttpProtocol))

    assert set(used) - own == set(AIOHTTP_PRIVATE)
