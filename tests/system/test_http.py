"""The contract's first two steps and what is beside them, over HTTP, to the letter."""

import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest

from tests.support.client import Client, bearer
from tests.support.desk import Desk

WEEK = 7 * 24 * 3600
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


@pytest.fixture
async def owner(desk: Desk) -> AsyncIterator[Client]:
    async with Client(desk) as client:
        yield client


async def test_a_login_gives_a_token_and_says_when_it_ends(owner: Client) -> None:
    answer = await owner.login()

    assert answer.status == 200
    assert set(answer.json) == {"object", "data"}
    assert answer.json["object"] == "login_token"
    assert set(answer.json["data"]) == {"token", "expires_at"}
    ends = answer.json["data"]["expires_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", ends)
    left = datetime.fromisoformat(ends).timestamp() - time.time()
    assert left == pytest.approx(WEEK, abs=10)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"username":"owner"}',
        '{"username":"owner","password":7}',
        "nul\0",
        '{"username":"owner","password":"\\ud800"}',
        '{"username":' + "[" * 16_000,
    ],
    ids=lambda body: body[:40],
)
async def test_a_malformed_login_is_told_so(owner: Client, body: str) -> None:
    answer = await owner.request("POST", "/v1/login", data=body, headers=JSON)

    assert (answer.status, answer.code) == (400, "malformed")


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(owner: Client) -> None:
    wrong, unknown = [
        await owner.request("POST", "/v1/login", json={"username": name, "password": "guess"})
        for name in ("owner", "nobody")
    ]

    assert (wrong.status, wrong.code) == (401, "wrong_credentials")
    assert (unknown.status, unknown.body) == (wrong.status, wrong.body)
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


async def test_a_login_of_a_megabyte_is_not_read(owner: Client) -> None:
    body = json.dumps({"username": "owner", "password": "x" * 1_000_000})

    answer = await owner.request("POST", "/v1/login", data=body, headers=JSON)

    assert (answer.status, answer.code) == (413, "too_large")


async def test_a_login_that_is_not_json_by_its_own_word_is_refused(owner: Client) -> None:
    body = json.dumps({"username": "owner", "password": owner.password})

    answer = await owner.request("POST", "/v1/login", data=body)

    assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_who_guesses_passwords_has_to_wait() -> None:
    with Desk() as desk:
        async with Client(desk) as guesser:
            answers = [
                await guesser.request(
                    "POST", "/v1/login", json={"username": "owner", "password": f"guess {guess}"}
                )
                for guess in range(20)
            ]

    assert answers[0].status == 401
    assert (answers[-1].status, answers[-1].code) == (429, "throttled")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3600


async def test_what_is_not_there_and_what_cannot_be_done_have_the_same_shape(
    owner: Client,
) -> None:
    nowhere = await owner.request("GET", "/v1/nowhere")
    wrong_method = await owner.request("GET", "/v1/login")

    assert (nowhere.status, nowhere.code) == (404, "not_found")
    assert (wrong_method.status, wrong_method.code) == (405, "method_not_allowed")
    assert wrong_method.headers["Allow"] == "POST"


async def test_a_websocket_token_has_the_shape_of_the_contract(owner: Client) -> None:
    await owner.login()

    answer = await owner.request("GET", "/v1/websocket", headers=bearer(owner.login_token))

    assert answer.status == 200
    assert set(answer.json) == {"object", "data"}
    assert answer.json["object"] == "websocket_token"
    assert set(answer.json["data"]) == {"token", "socket"}
    there = owner.desk.address.replace("https", "wss")
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    socket = answer.json["data"]["socket"]
    assert re.fullmatch(re.escape(there) + f"/v1/monitor/{uuid}/ws", socket)
    machine_id = Path("/etc/machine-id")
    if machine_id.exists() and (raw := machine_id.read_text(encoding="ascii").strip()):
        assert raw not in socket.replace("-", "")


async def test_a_trusted_proxy_says_by_which_scheme_and_from_where_one_comes() -> None:
    settings = {"server_behind_proxy": "true", "server_trusted_proxies": "127.0.0.1"}
    with Desk(settings=settings, tls=False) as desk:
        async with Client(desk) as client:
            await client.login()
            proxied = {
                "Host": "127.0.0.1:443",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-For": "203.0.113.9",
            }
            through = await client.request(
                "GET", "/v1/websocket", headers=bearer(client.login_token) | proxied
            )
            refused = await client.request(
                "POST",
                "/v1/login",
                json={"username": "nobody", "password": "wrong"},
                headers=proxied,
            )
            direct = await client.ticket()
            log = desk.log

    assert through.json["data"]["socket"].startswith("wss://127.0.0.1:443/v1/monitor/")
    assert refused.status == 401
    assert "from=203.0.113.9" in log
    assert direct.socket.startswith(desk.address.replace("http", "ws"))


async def test_each_request_gives_a_new_websocket_token_for_the_same_desk(owner: Client) -> None:
    one, other = await owner.ticket(), await owner.ticket()

    assert one.token != other.token
    assert one.socket == other.socket


@pytest.mark.parametrize("given", [{}, bearer("nonsense"), {"Authorization": "Basic b3duZXI6eA=="}])
async def test_no_websocket_token_without_a_login(owner: Client, given: dict[str, str]) -> None:
    answer = await owner.request("GET", "/v1/websocket", headers=given)

    assert (answer.status, answer.code) == (401, "token_refused")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_websocket_token_is_no_login(owner: Client) -> None:
    ticket = await owner.ticket()

    answer = await owner.request("GET", "/v1/websocket", headers=bearer(ticket.token))

    assert answer.status == 401


async def test_the_probe_answers(owner: Client) -> None:
    answer = await owner.request("GET", "/healthz")

    assert answer.status == 200
    assert answer.json == {"object": "health", "data": {"status": "ok"}}


async def test_the_description_names_every_path_and_its_schemas_are_sound(owner: Client) -> None:
    answer = await owner.request("GET", "/v1/openapi.json")

    described = answer.json
    assert described["openapi"].startswith("3.1")
    assert {
        path: set(methods) - {"parameters"} for path, methods in described["paths"].items()
    } == {
        "/v1/login": {"post"},
        "/v1/logout": {"post"},
        "/v1/websocket": {"get"},
        "/v1/monitor/{desk}/ws": {"get"},
        "/v1/img/tmp/{key}": {"get"},
        "/v1/openapi.json": {"get"},
        "/v1/page/login": {"post"},
        "/v1/page/logout": {"post"},
        "/": {"get"},
        "/page/{file}": {"get"},
        "/healthz": {"get"},
    }
    for schema in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


async def test_answers_are_as_they_are_described(owner: Client) -> None:
    described = (await owner.request("GET", "/v1/openapi.json")).json
    answers = {
        ("/v1/login", "post"): await owner.login(),
        ("/healthz", "get"): await owner.request("GET", "/healthz"),
        ("/v1/websocket", "get"): await owner.request("GET", "/v1/websocket"),
    }

    for (path, method), answer in answers.items():
        told = described["paths"][path][method]["responses"][str(answer.status)]
        if "$ref" in told:
            told = described["components"]["responses"][told["$ref"].rsplit("/", 1)[1]]
        schema = told["content"]["application/json"]["schema"]
        whole = {**schema, "components": described["components"]}
        jsonschema.Draft202012Validator(whole).validate(answer.json)


@pytest.mark.parametrize("path", ["/healthz", "/v1/nowhere", "/v1/websocket", "/v1/login"])
async def test_no_answer_can_be_mistaken_for_something_else(owner: Client, path: str) -> None:
    answer = await owner.request("GET", path)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"\d", answer.headers.get("Server", ""))


async def test_what_holds_a_secret_is_not_stored(owner: Client) -> None:
    login = await owner.login()
    token = await owner.request("GET", "/v1/websocket", headers=bearer(owner.login_token))

    assert login.headers["Cache-Control"] == "no-store"
    assert token.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example"])
async def test_a_name_that_is_not_this_desks_is_misdirected(owner: Client, host: str) -> None:
    answer = await owner.request("GET", "/healthz", headers={"Host": host})

    assert (answer.status, answer.code) == (421, "misdirected_request")


@pytest.mark.parametrize("given", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
async def test_a_page_from_elsewhere_opens_no_socket(owner: Client, given: dict[str, str]) -> None:
    ticket = await owner.ticket()
    path = ticket.socket.partition("/v1/")[2]
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }

    answer = await owner.request("GET", f"/v1/{path}", headers={**upgrade, **given})

    assert (answer.status, answer.code) == (403, "forbidden_origin")


async def test_the_desks_own_page_may_ask(owner: Client) -> None:
    ticket = await owner.ticket()

    async with owner.connect(ticket.socket, origin=owner.desk.address) as screen:
        await screen.send("auth", ticket.token)
        await screen.stats()
