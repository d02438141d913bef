"""Log-in of the page over HTTP: the cookie, its rights and its limits."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.client import Client, Response, bearer
from tests.support.programs import Daemon


@pytest.fixture(scope="module", params=[True, False], ids=["tls", "plain"])
def daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    with Daemon(tls=request.param) as daemon:
        yield daemon


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon) as client:
        yield client


async def log_in_with_cookie(client: Client) -> dict[str, str]:
    """Log in; return the Cookie header that a browser then sends."""
    answer = await log_in(client)
    assert (answer.status, answer.body) == (204, b"")
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


async def log_in(client: Client) -> Response:
    credentials = {"username": client.user, "password": client.password}
    return await client.request("POST", "/v1/page/login", json=credentials)


async def test_cookie_authorizes_websocket_token_and_art(client: Client) -> None:
    cookie = await log_in_with_cookie(client)

    token = await client.request("GET", "/v1/websocket", headers=cookie)
    art = await client.request("GET", "/v1/img/tmp/bm90aGluZw==", headers=cookie)

    assert token.status == 200
    assert set(token.json["data"]) == {"token", "socket"}
    assert (art.status, art.code) == (404, "not_found")


async def test_login_token_is_only_in_the_cookie(client: Client, daemon: Daemon) -> None:
    answer = await log_in(client)

    cookie = answer.headers["Set-Cookie"]
    assert answer.body == b""
    assert "eyJ" not in str({**answer.headers, "Set-Cookie": ""})
    assert ("Secure" in cookie) == daemon.tls
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}


async def test_wrong_password_sets_no_cookie(client: Client) -> None:
    wrong = {"username": "owner", "password": "guess"}

    answer = await client.request("POST", "/v1/page/login", json=wrong)

    assert (answer.status, answer.code) == (401, "wrong_credentials")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "given",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_foreign_page_cannot_use_the_cookie(client: Client, given: dict[str, str]) -> None:
    cookie = await log_in_with_cookie(client)

    token = await client.request("GET", "/v1/websocket", headers={**cookie, **given})
    out = await client.request("POST", "/v1/page/logout", headers={**cookie, **given})
    after = await client.request("GET", "/v1/websocket", headers=cookie)

    assert {token.status, out.status} <= {401, 403}
    assert after.status == 200


async def test_authorization_header_takes_precedence_over_the_cookie(client: Client) -> None:
    cookie = await log_in_with_cookie(client)

    answer = await client.request("GET", "/v1/websocket", headers={**cookie, **bearer("forged")})

    assert (answer.status, answer.code) == (401, "token_refused")


async def test_log_out_ends_the_login(client: Client) -> None:
    cookie = await log_in_with_cookie(client)

    answer = await client.request("POST", "/v1/page/logout", headers=cookie)
    after = await client.request("GET", "/v1/websocket", headers=cookie)

    assert (answer.status, after.status) == (204, 401)
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


async def test_websocket_token_in_the_cookie_is_refused(client: Client) -> None:
    cookie = await log_in_with_cookie(client)
    token = await client.request("GET", "/v1/websocket", headers=cookie)
    name = cookie["Cookie"].partition("=")[0]
    other = {"Cookie": f"{name}={token.json['data']['token']}"}

    answer = await client.request("GET", "/v1/websocket", headers=other)

    assert (answer.status, answer.code) == (401, "token_refused")


async def test_page_needs_no_login_and_is_cacheable(client: Client) -> None:
    page = await client.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    again = await client.request("GET", "/", headers={"If-None-Match": page.headers["ETag"]})
    head = await client.request("HEAD", "/")
    missing = await client.request("GET", "/page/nothing.js")

    assert (page.status, again.status, head.status) == (200, 304, 200)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert head.body == b""
    assert (missing.status, missing.code) == (404, "not_found")
