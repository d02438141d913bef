import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import BaseRequest
from multidict import CIMultiDict

from deskwire.auth.throttle import MAX_ATTEMPTS
from deskwire.auth.users import User, Users
from deskwire.model.problems import TokenRefused
from deskwire.model.units import Seconds
from deskwire.server.http.login_service import DeskAddress, LoginCookie, bearer_token
from tests.server.local_server import PASSWORD, LocalServer, local_server
from tests.support.time_scaling import patiently

SECURE = LoginCookie("6b1c2d3e", secure=True)
PLAIN = LoginCookie("6b1c2d3e", secure=False)
HOST = b"Host: 127.0.0.1\r\nConnection: close\r\n"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with local_server(tmp_path) as running:
        yield running


async def test_known_client_does_not_wait_behind_unknown_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify, begun, goes_on = Users.verify, asyncio.Event(), asyncio.Event()

    async def slow_with_strangers(users: Users, name: str, password: str) -> User:
        if name != "ann":
            begun.set()
            await goes_on.wait()
        return await verify(users, name, password)

    monkeypatch.setattr(Users, "verify", slow_with_strangers)
    async with local_server(tmp_path) as server:
        await server.login()  # from now on ann is known here

        wrong = {"username": "mallory", "password": "let me in please"}
        stranger = asyncio.create_task(server.http.post(f"{server.url}/v1/login", json=wrong))
        await begun.wait()
        async with asyncio.timeout(patiently(5)):
            await server.login()
        waits = not stranger.done()
        goes_on.set()

        assert waits
        assert (await stranger).status == 401


async def test_correct_passwords_are_never_throttled(tmp_path: Path) -> None:
    async with local_server(tmp_path) as server:
        tokens = {await server.login() for _ in range(MAX_ATTEMPTS + 4)}

        assert len(tokens) == MAX_ATTEMPTS + 4


async def test_unfinished_body_gets_408(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskwire.server.http.request_policy.BODY_TIMEOUT", 0.2)

    response = await server.send_raw(
        b"POST /v1/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        b"Content-Length: 50\r\n\r\n{"
    )

    assert response.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "sent", [b"Content-Length: 50\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"]
)
async def test_body_cut_off_by_a_disconnect_logs_no_exception(
    server: LocalServer, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /v1/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head + sent)
    await server.send_raw(
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    )  # the server reads the first request meanwhile

    writer.close()
    await writer.wait_closed()
    await server.send_raw(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")

    assert not caplog.records


async def test_expect_100_continue_gets_100(server: LocalServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        b"POST /v1/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    async with asyncio.timeout(patiently(5)):
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"{}")
        then = await reader.read()
    writer.close()

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert then.startswith(b"HTTP/1.1 400 ")


async def test_password_guessing_is_throttled_by_the_twentieth_attempt(server: LocalServer) -> None:
    wrong = {"username": "ann", "password": "wrong"}
    statuses = []
    waits = []
    for _ in range(25):
        async with server.http.post(f"{server.url}/v1/login", json=wrong) as response:
            statuses.append(response.status)
            waits.append(int(response.headers.get("Retry-After", 0)))

    assert statuses[0] == 401
    assert 429 in statuses[:20]
    assert waits[-1] >= 1


def request(*headers: tuple[str, str], path: str = "/") -> BaseRequest:
    return make_mocked_request("GET", path, CIMultiDict(headers))


def attributes(header: str) -> set[str]:
    return {part.strip() for part in header.split(";")[1:]}


def test_secure_cookie_has_every_protective_attribute() -> None:
    response = SECURE.set("token", Seconds(604800.9))

    header = response.headers["Set-Cookie"]
    assert response.status == 204
    assert header.startswith("__Host-deskwire-6b1c2d3e=token;")
    assert attributes(header) == {
        *("HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=604800"),
    }


def test_cookie_without_tls_is_not_secure() -> None:
    header = PLAIN.set("token", Seconds(60)).headers["Set-Cookie"]

    assert header.startswith("deskwire-6b1c2d3e=token;")
    assert "Secure" not in attributes(header)


@pytest.mark.parametrize(
    ("tls", "public_url", "forwarded", "secure"),
    [
        (True, "", None, True),
        (False, "", None, False),
        (False, "https://desk.example", None, True),
        (False, "", "https", True),
        (False, "", "http", False),
        (True, "", "http", False),
        (False, "https://desk.example", "http", False),
    ],
)
def test_cookie_is_secure_if_the_client_uses_tls(
    tls: bool, public_url: str, forwarded: str | None, secure: bool
) -> None:
    address = DeskAddress("desk", tls=tls, public_url=public_url)
    client_tls = None if forwarded is None else forwarded == "https"

    assert address.is_secure(client_tls) is secure


@pytest.mark.parametrize("forwarded", ["https", "http"])
async def test_page_behind_a_proxy_gets_and_sends_the_cookie_of_its_scheme(
    tmp_path: Path, forwarded: str
) -> None:
    headers = {"X-Forwarded-Proto": forwarded}
    words = {"username": "ann", "password": PASSWORD}
    async with local_server(tmp_path, trusted_proxies=("127.0.0.1",)) as server:
        login = f"{server.url}/v1/page/login"
        async with server.http.post(login, json=words, headers=headers) as response:
            cookie = response.headers["Set-Cookie"]
        statuses = {}
        for proto in ("https", "http"):
            sent = {"X-Forwarded-Proto": proto, "Cookie": cookie.partition(";")[0]}
            async with server.http.get(f"{server.url}/v1/websocket", headers=sent) as response:
                statuses[proto] = response.status

    assert cookie.startswith("__Host-") == (forwarded == "https")
    assert ("Secure" in attributes(cookie)) == (forwarded == "https")
    assert statuses == {proto: 200 if proto == forwarded else 401 for proto in statuses}


async def test_two_servers_of_one_host_have_cookies_of_their_own(tmp_path: Path) -> None:
    words = {"username": "ann", "password": PASSWORD}
    names = set()
    for folder in ("one", "two", "one"):
        async with (
            local_server(tmp_path / folder) as server,
            server.http.post(f"{server.url}/v1/page/login", json=words) as response,
        ):
            names.add(response.headers["Set-Cookie"].partition("=")[0])

    assert len(names) == 2


def test_cookie_is_read_among_other_cookies() -> None:
    mocked = request(("Cookie", f"theme=dark; {SECURE.name}=eyJ.a-b_c.d; other=1"))

    assert SECURE.read(mocked) == "eyJ.a-b_c.d"


@pytest.mark.parametrize(
    "neighbour",
    [
        'prefs={"theme":"dark"}',
        "x=a b",
        "a[b]=1",
        "[",
        "n=J\xfcrgen",
        "flag",
        "=value",
        "",
        "d=Mon, 1 Dec 2026",
        'open="quote',
        *(f"{name}=1" for name in ("path", "domain", "version", "comment", "expires", "secure")),
        f"x{SECURE.name}=theirs",
        f"{SECURE.name}x=theirs",
        f"{SECURE.name.upper()}=theirs",
        f"x={SECURE.name}=theirs",
        f"{SECURE.name}=theirs",
    ],
)
@pytest.mark.parametrize("separator", ["; ", ";", " ;\t"])
def test_cookie_is_read_behind_any_cookie_of_another_service(
    neighbour: str, separator: str
) -> None:
    mocked = request(("Cookie", f"{neighbour}{separator}{SECURE.name}=eyJ.a-b_c.d"))

    assert SECURE.read(mocked) == "eyJ.a-b_c.d"


@pytest.mark.parametrize("neighbour", ['prefs={"theme":"dark"}', "flag", "path=/x", "[", "x=a b"])
def test_cookie_is_read_before_any_cookie_of_another_service(neighbour: str) -> None:
    mocked = request(("Cookie", f"{SECURE.name}=eyJ.a-b_c.d; {neighbour}"))

    assert SECURE.read(mocked) == "eyJ.a-b_c.d"


def test_cookie_of_another_server_of_the_host_is_refused() -> None:
    other = LoginCookie("ffffffff", secure=True)

    with pytest.raises(TokenRefused):
        SECURE.read(request(("Cookie", f"{other.name}=token")))


@pytest.mark.parametrize(
    "cookie", ["", "=", ";;;", "\x00", 'a="', "deskwire-6b1c2d3e", f"{SECURE.name}="]
)
def test_invalid_cookie_is_refused(cookie: str) -> None:
    with pytest.raises(TokenRefused):
        SECURE.read(request(("Cookie", cookie)))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "SAME-ORIGIN", ""])
def test_cookie_from_a_page_of_another_port_is_refused(site: str) -> None:
    mocked = request(("Cookie", f"{SECURE.name}=token"), ("Sec-Fetch-Site", site))

    with pytest.raises(TokenRefused):
        SECURE.read(mocked)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_cookie_from_the_own_page_is_accepted(site: str) -> None:
    mocked = request(("Cookie", f"{SECURE.name}=token"), ("Sec-Fetch-Site", site))

    assert SECURE.read(mocked) == "token"


def test_cleared_cookie_expires_at_once() -> None:
    header = SECURE.clear().headers["Set-Cookie"]

    assert header.startswith(f"{SECURE.name}=;")
    assert "Max-Age=0" in attributes(header)


@pytest.mark.parametrize("value", ["Bearer abc.d-e_f", "bearer abc.d-e_f", "BEARER   abc.d-e_f "])
def test_bearer_token_is_read_in_any_case(value: str) -> None:
    assert bearer_token(request(("Authorization", value))) == "abc.d-e_f"


@pytest.mark.parametrize(
    "values", [(), ("Basic abc",), ("Bearer",), ("Bearer a b",), ("Bearer a", "Bearer a")]
)
def test_other_authorization_header_is_refused(values: tuple[str, ...]) -> None:
    with pytest.raises(TokenRefused):
        bearer_token(request(*(("Authorization", value) for value in values)))


def test_token_in_the_url_is_ignored() -> None:
    read: Callable[[BaseRequest], str] = bearer_token

    with pytest.raises(TokenRefused):
        read(request(path="/?access_token=abc&Authorization=Bearer%20abc"))


@pytest.mark.parametrize(
    ("address", "client_tls", "url"),
    [
        (DeskAddress("d", tls=True), None, "wss://desk:8765/v1/monitor/d/ws"),
        (DeskAddress("d", tls=False), None, "ws://desk:8765/v1/monitor/d/ws"),
        (DeskAddress("d", tls=False), True, "wss://desk:8765/v1/monitor/d/ws"),
        (DeskAddress("d", tls=True, public_url="https://x/y"), None, "wss://x/y/v1/monitor/d/ws"),
    ],
)
def test_websocket_url_has_the_scheme_and_host_of_the_client(
    address: DeskAddress, client_tls: bool | None, url: str
) -> None:
    assert address.websocket_url("desk:8765", client_tls=client_tls) == url
