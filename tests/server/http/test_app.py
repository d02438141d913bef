import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from deskwire.server.net import listener
from deskwire.simulator.mock import Mock
from deskwire.simulator.scenario import Scenario
from tests.server.local_server import LocalServer, local_server
from tests.support.waiting import until_async

PANEL = "https://panel.example"
FOREIGN = "https://elsewhere.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}
ALLOW = "Access-Control-Allow-Origin"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with local_server(tmp_path) as running:
        yield running


async def test_unhandled_exception_gets_500_without_details(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret cause")

    monkeypatch.setattr("deskwire.server.http.login_service.LoginService.websocket_token", broken)
    headers = {"Authorization": f"Bearer {await server.login()}"}

    async with server.http.get(f"{server.url}/v1/websocket", headers=headers) as response:
        body = await response.text()

    assert response.status == 500
    assert json.loads(body)["data"]["code"] == "internal_error"
    assert "secret cause" not in body
    assert "ZeroDivisionError: secret cause" in caplog.text


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    async with Mock(Scenario({"audio": []}), origins=[PANEL]) as mock:
        yield mock


@pytest.fixture
async def http(mock: Mock) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(mock.address) as http:
        yield http


async def test_preflight_from_an_allowed_origin_gets_the_allowed_methods(
    http: aiohttp.ClientSession,
) -> None:
    async with http.options("/v1/login", headers={"Origin": PANEL, **PREFLIGHT}) as response:
        headers = response.headers

        assert response.status == 204
    assert headers[ALLOW] == PANEL
    assert headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert "Content-Type" in headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in headers
    assert headers["Vary"] == "Origin"


async def test_allowed_origin_may_read_responses_and_errors(
    http: aiohttp.ClientSession, mock: Mock
) -> None:
    correct = {"username": mock.user, "password": mock.password}
    for credentials, status in ((correct, 200), ({**correct, "password": "wrong"}, 401), ({}, 400)):
        async with http.post("/v1/login", json=credentials, headers={"Origin": PANEL}) as response:
            assert (response.status, response.headers[ALLOW]) == (status, PANEL)


async def test_foreign_origin_gets_no_cors_headers(http: aiohttp.ClientSession) -> None:
    for origin in (FOREIGN, "null"):
        async with http.options("/v1/login", headers={"Origin": origin, **PREFLIGHT}) as response:
            assert response.status == 403
            assert ALLOW not in response.headers


async def test_request_without_origin_gets_no_cors_headers(http: aiohttp.ClientSession) -> None:
    async with http.get("/healthz") as response:
        assert response.status == 200
        assert ALLOW not in response.headers
    async with http.options("/v1/login", headers=PREFLIGHT) as response:
        assert response.status == 405


@pytest.mark.parametrize("proxied", [True, False])
async def test_clients_behind_a_trusted_proxy_make_way_by_their_own_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxied: bool
) -> None:
    monkeypatch.setattr(listener, "MAX_HTTP_CONNECTIONS", 10)
    monkeypatch.setattr(listener, "HTTP_CONNECTIONS_PER_SOCKET", 0)
    proxies = ("127.0.0.1",) if proxied else ()
    async with local_server(tmp_path, trusted_proxies=proxies) as server:
        owner = await visit(server, "192.0.2.1")
        flood = [await visit(server, "192.0.2.2") for _ in range(30)]
        visits = (owner, *flood)
        await until_async(lambda: sum(reader.at_eof() for reader, _ in visits) == 21)
        ended = owner[0].at_eof()
        for _, writer in visits:
            writer.close()

    assert ended is not proxied


async def test_websockets_do_not_make_way_for_http_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MAX_HTTP_CONNECTIONS", 3)
    monkeypatch.setattr(listener, "HTTP_CONNECTIONS_PER_SOCKET", 0)
    async with local_server(tmp_path) as server:
        sockets = [await server.raw_socket(auth=True) for _ in range(5)]
        flood = [await visit(server, "") for _ in range(10)]

        assert not any(socket.reader.at_eof() for socket in sockets)
        for _, writer in flood:
            writer.close()


async def visit(
    server: LocalServer, client: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request for a client of a proxy, on a connection that stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    forwarded = f"X-Forwarded-For: {client}\r\n" if client else ""
    writer.write(f"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n{forwarded}\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer
