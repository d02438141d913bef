import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import BaseRequest
from multidict import CIMultiDict

from deskwire.server.http.app import RequestPolicy
from deskwire.server.http.problems import BadRequest, ForeignOrigin, Misdirected
from deskwire.simulator.mock import Mock
from deskwire.simulator.scenario import Scenario
from tests.server.local_server import LocalServer, local_server

POLICY = RequestPolicy.create(
    allowed_hosts=["desk.example", "Side.example:8443"],
    allowed_origins=["https://panel.example"],
    public_url="https://public.example:9000/desk",
    trusted_proxies=["10.0.0.0/8"],
)
PANEL = "https://panel.example"
FOREIGN = "https://elsewhere.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}
ALLOW = "Access-Control-Allow-Origin"


def request(*headers: tuple[str, str], path: str = "/", remote: str = "192.0.2.7") -> BaseRequest:
    mocked = make_mocked_request("GET", path, CIMultiDict(headers))
    return mocked.clone(remote=remote)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8765", "127.0.0.1:8765", "192.168.1.5", "[::1]:8765", "[fe80::1]",
     "desk.example", "desk.example.:443", "public.example:9000", "side.example:8443"],
)  # fmt: skip
def test_known_host_is_accepted(host: str) -> None:
    assert POLICY.check(request(("Host", host))) == host


@pytest.mark.parametrize(
    "host",
    ["evil.example", "desk.example.evil.example", "127.0.0.1.nip.io", "side.example",
     "side.example:443", "side.example.:8444"],
)  # fmt: skip
def test_unknown_host_is_misdirected(host: str) -> None:
    with pytest.raises(Misdirected):
        POLICY.check(request(("Host", host)))


@pytest.mark.parametrize("host", ["desk.lan", "desk", "desk.local", "DESK:8765"])
def test_host_names_of_the_machine_are_accepted(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "desk.lan")
    policy = RequestPolicy.create()

    assert policy.check(request(("Host", host))) == host


def test_host_name_that_changes_is_accepted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = RequestPolicy.create()
    monkeypatch.setattr(socket, "gethostname", lambda: "New-Desk.lan")

    for host in ("new-desk.lan:8765", "new-desk", "New-Desk.local."):
        assert policy.check(request(("Host", host))) == host
    monkeypatch.setattr(socket, "gethostname", lambda: "newest-desk")
    assert policy.check(request(("Host", "newest-desk.local")))
    with pytest.raises(Misdirected):
        policy.check(request(("Host", "new-desk.lan")))


@pytest.mark.parametrize(
    "headers",
    [(), (("Host", ""),), (("Host", "a"), ("Host", "localhost")), (("Host", "local host"),),
     (("Host", "localhost:99999999"),), (("Host", "user@localhost"),), (("Host", "[::1"),)],
)  # fmt: skip
def test_invalid_host_is_a_bad_request(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(BadRequest):
        POLICY.check(request(*headers))


def test_absolute_request_target_is_a_bad_request() -> None:
    with pytest.raises(BadRequest):
        POLICY.check(request(("Host", "localhost"), path="http://localhost/"))


@pytest.mark.parametrize(
    "origin",
    ["https://localhost:8765", "http://LOCALHOST:8765", "https://panel.example",
     "https://public.example:9000"],
)  # fmt: skip
def test_allowed_origin_is_accepted(origin: str) -> None:
    POLICY.check(request(("Host", "localhost:8765"), ("Origin", origin)))


@pytest.mark.parametrize(
    "origin",
    ["null", "", "https://evil.example", "https://localhost", "https://localhost:8765.evil.example",
     "file://", "https://panel.example:8443"],
)  # fmt: skip
def test_foreign_origin_is_refused(origin: str) -> None:
    with pytest.raises(ForeignOrigin):
        POLICY.check(request(("Host", "localhost:8765"), ("Origin", origin)))


def test_two_origin_headers_are_refused() -> None:
    ours = ("Origin", "https://localhost")

    with pytest.raises(ForeignOrigin):
        POLICY.check(request(("Host", "localhost"), ours, ours))


def test_forwarded_for_from_an_untrusted_client_is_ignored() -> None:
    forwarded_request = request(("X-Forwarded-For", "203.0.113.9"))

    assert POLICY.client_address(forwarded_request) == "192.0.2.7"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [("203.0.113.9", "203.0.113.9"), ("1.1.1.1, 203.0.113.9, 10.0.0.3", "203.0.113.9"),
     ("junk", "10.0.0.2"), ("", "10.0.0.2"), ("2001:db8::9, ::ffff:10.0.0.3", "2001:db8::9")],
)  # fmt: skip
@pytest.mark.parametrize("proxy", ["10.0.0.2", "::ffff:10.0.0.2"])
def test_trusted_proxy_names_the_client(proxy: str, forwarded: str, address: str) -> None:
    forwarded_request = request(("X-Forwarded-For", forwarded), remote=proxy)

    assert POLICY.client_address(forwarded_request) == address
    assert POLICY.client_uses_tls(request(("X-Forwarded-Proto", "https"), remote=proxy)) is True


def test_forwarded_for_of_the_client_does_not_replace_the_proxys() -> None:
    lines = (("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.9"))

    assert POLICY.client_address(request(*lines, remote="10.0.0.2")) == "203.0.113.9"


@pytest.mark.parametrize(
    ("remote", "said", "uses_tls"),
    [("10.0.0.2", ("https",), True), ("10.0.0.2", ("http",), False), ("10.0.0.2", (), None),
     ("10.0.0.2", ("http", "HTTPS"), True), ("10.0.0.2", ("gopher",), None),
     ("192.0.2.7", ("https",), None)],
)  # fmt: skip
def test_forwarded_proto_counts_only_from_a_trusted_proxy(
    remote: str, said: tuple[str, ...], uses_tls: bool | None
) -> None:
    forwarded_request = request(*(("X-Forwarded-Proto", scheme) for scheme in said), remote=remote)

    assert POLICY.client_uses_tls(forwarded_request) is uses_tls


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
