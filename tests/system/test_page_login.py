"""The page's login over HTTP: a cookie that opens what it should, and nothing for anybody else."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.client import Answer, Client, bearer
from tests.support.desk import Desk


@pytest.fixture(scope="module", params=[True, False], ids=["tls", "plain"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with Desk(tls=request.param) as desk:
        yield desk


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[Client]:
    async with Client(desk) as client:
        yield client


async def entered(client: Client) -> dict[str, str]:
    """Log the page in; return the header a browser would then send."""
    answer = await log_in(client)
    assert (answer.status, answer.body) == (204, b"")
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


async def log_in(client: Client) -> Answer:
    credentials = {"username": client.user, "password": client.password}
    return await client.request("POST", "/v1/page/login", json=credentials)


async def test_the_cookie_opens_the_socket_and_the_art(client: Client) -> None:
    cookie = await entered(client)

    ticket = await client.request("GET", "/v1/websocket", headers=cookie)
    art = await client.request("GET", "/v1/img/tmp/bm90aGluZw==", headers=cookie)

    assert ticket.status == 200
    assert set(ticket.json["data"]) == {"token", "socket"}
    assert (art.status, art.code) == (404, "not_found")


async def test_the_token_is_in_the_cookie_and_nowhere_else(client: Client, desk: Desk) -> None:
    answer = await log_in(client)

    cookie = answer.headers["Set-Cookie"]
    assert answer.body == b""
    assert "eyJ" not in str({**answer.headers, "Set-Cookie": ""})
    assert ("Secure" in cookie) == desk.tls
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}


async def test_a_wrong_password_sets_no_cookie(client: Client) -> None:
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
async def test_another_page_cannot_use_it(client: Client, given: dict[str, str]) -> None:
    cookie = await entered(client)

    ticket = await client.request("GET", "/v1/websocket", headers={**cookie, **given})
    out = await client.request("POST", "/v1/page/logout", headers={**cookie, **given})
    after = await client.request("GET", "/v1/websocket", headers=cookie)

    assert {ticket.status, out.status} <= {401, 403}
    assert after.status == 200


async def test_an_authorization_counts_and_then_no_cookie_does(client: Client) -> None:
    cookie = await entered(client)

    answer = await client.request("GET", "/v1/websocket", headers={**cookie, **bearer("forged")})

    assert (answer.status, answer.code) == (401, "token_refused")


async def test_logging_out_ends_the_login_itself(client: Client) -> None:
    cookie = await entered(client)

    answer = await client.request("POST", "/v1/page/logout", headers=cookie)
    after = await client.request("GET", "/v1/websocket", headers=cookie)

    assert (answer.status, after.status) == (204, 401)
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


async def test_a_websocket_token_in_the_cookie_is_no_login(client: Client) -> None:
    cookie = await entered(client)
    ticket = await client.request("GET", "/v1/websocket", headers=cookie)
    name = cookie["Cookie"].partition("=")[0]
    other = {"Cookie": f"{name}={ticket.json['data']['token']}"}

    answer = await client.request("GET", "/v1/websocket", headers=other)

    assert (answer.status, answer.code) == (401, "token_refused")


async def test_the_page_is_there_for_everybody_and_small(client: Client) -> None:
    page = await client.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    again = await client.request("GET", "/", headers={"If-None-Match": page.headers["ETag"]})
    head = await client.request("HEAD", "/")
    missing = await client.request("GET", "/page/nothing.js")

    assert (page.status, again.status, head.status) == (200, 304, 200)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert head.body == b""
    assert (missing.status, missing.code) == (404, "not_found")
