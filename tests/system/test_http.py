"""HTTP API: login, WebSocket token, health, OpenAPI description and common headers."""

import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest

from deskwire.devices.catalogue import DEVICES, device_class
from tests.support.client import Client, bearer
from tests.support.programs import Daemon

COMMANDS = [command.name for name in DEVICES for command in device_class(name).commands]
WEEK = 7 * 24 * 3600
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon() as daemon:
        yield daemon


@pytest.fixture
async def owner(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon) as client:
        yield client


async def test_login_returns_a_token_with_its_expiry(owner: Client) -> None:
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
async def test_malformed_login_gets_400(owner: Client, body: str) -> None:
    answer = await owner.request("POST", "/v1/login", data=body, headers=JSON)

    assert (answer.status, answer.code) == (400, "malformed")


async def test_wrong_password_and_unknown_user_get_the_same_response(owner: Client) -> None:
    wrong, unknown = [
        await owner.request("POST", "/v1/login", json={"username": name, "password": "guess"})
        for name in ("owner", "nobody")
    ]

    assert (wrong.status, wrong.code) == (401, "wrong_credentials")
    assert (unknown.status, unknown.body) == (wrong.status, wrong.body)
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


async def test_login_of_one_megabyte_gets_413(owner: Client) -> None:
    body = json.dumps({"username": "owner", "password": "x" * 1_000_000})

    answer = await owner.request("POST", "/v1/login", data=body, headers=JSON)

    assert (answer.status, answer.code) == (413, "too_large")


async def test_login_without_a_json_content_type_gets_415(owner: Client) -> None:
    body = json.dumps({"username": "owner", "password": owner.password})

    answer = await owner.request("POST", "/v1/login", data=body)

    assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_twenty_wrong_passwords_are_throttled() -> None:
    with Daemon() as daemon:
        async with Client(daemon) as client:
            answers = [
                await client.request(
                    "POST", "/v1/login", json={"username": "owner", "password": f"guess {guess}"}
                )
                for guess in range(20)
            ]

    assert answers[0].status == 401
    assert (answers[-1].status, answers[-1].code) == (429, "throttled")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3600


async def test_unknown_path_and_wrong_method_get_error_bodies(
    owner: Client,
) -> None:
    nowhere = await owner.request("GET", "/v1/nowhere")
    wrong_method = await owner.request("GET", "/v1/login")

    assert (nowhere.status, nowhere.code) == (404, "not_found")
    assert (wrong_method.status, wrong_method.code) == (405, "method_not_allowed")
    assert wrong_method.headers["Allow"] == "POST"


async def test_websocket_token_has_the_shape_of_the_contract(owner: Client) -> None:
    await owner.login()

    answer = await owner.request("GET", "/v1/websocket", headers=bearer(owner.login_token))

    assert answer.status == 200
    assert set(answer.json) == {"object", "data"}
    assert answer.json["object"] == "websocket_token"
    assert set(answer.json["data"]) == {"token", "socket"}
    address = owner.daemon.address.replace("https", "wss")
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    socket = answer.json["data"]["socket"]
    assert re.fullmatch(re.escape(address) + f"/v1/monitor/{uuid}/ws", socket)
    machine_id = Path("/etc/machine-id")
    if machine_id.exists() and (raw := machine_id.read_text(encoding="ascii").strip()):
        assert raw not in socket.replace("-", "")


async def test_trusted_proxy_names_the_scheme_and_the_client_address() -> None:
    settings = {"server_behind_proxy": "true", "server_trusted_proxies": "127.0.0.1"}
    with Daemon(settings=settings, tls=False) as daemon:
        async with Client(daemon) as client:
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
            direct = await client.websocket_token()
            log = daemon.log

    assert through.json["data"]["socket"].startswith("wss://127.0.0.1:443/v1/monitor/")
    assert refused.status == 401
    assert "from=203.0.113.9" in log
    assert direct.socket.startswith(daemon.address.replace("http", "ws"))


async def test_each_websocket_token_is_new_and_for_the_same_desk(owner: Client) -> None:
    one, other = await owner.websocket_token(), await owner.websocket_token()

    assert one.token != other.token
    assert one.socket == other.socket


@pytest.mark.parametrize("given", [{}, bearer("nonsense"), {"Authorization": "Basic b3duZXI6eA=="}])
async def test_websocket_token_without_a_login_is_refused(
    owner: Client, given: dict[str, str]
) -> None:
    answer = await owner.request("GET", "/v1/websocket", headers=given)

    assert (answer.status, answer.code) == (401, "token_refused")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_websocket_token_is_no_login_token(owner: Client) -> None:
    token = await owner.websocket_token()

    answer = await owner.request("GET", "/v1/websocket", headers=bearer(token.token))

    assert answer.status == 401


async def test_health_probe_answers_ok(owner: Client) -> None:
    answer = await owner.request("GET", "/healthz")

    assert answer.status == 200
    assert answer.json == {"object": "health", "data": {"status": "ok"}}


async def test_openapi_names_every_path_with_valid_schemas(owner: Client) -> None:
    answer = await owner.request("GET", "/v1/openapi.json")

    described = answer.json
    assert described["openapi"].startswith("3.1")
    assert {
        path: set(methods) - {"parameters"} for path, methods in described["paths"].items()
    } == {
        "/v1/login": {"post"},
        "/v1/desk": {"get"},
        "/v1/commands": {"get"},
        **{f"/v1/commands/{name}": {"post"} for name in COMMANDS},
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


async def test_responses_match_their_openapi_schemas(owner: Client) -> None:
    described = (await owner.request("GET", "/v1/openapi.json")).json
    answers = {
        ("/v1/login", "post"): await owner.login(),
        ("/healthz", "get"): await owner.request("GET", "/healthz"),
        ("/v1/websocket", "get"): await owner.request("GET", "/v1/websocket"),
    }

    for (path, method), answer in answers.items():
        response = described["paths"][path][method]["responses"][str(answer.status)]
        if "$ref" in response:
            response = described["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        schema = response["content"]["application/json"]["schema"]
        complete = {**schema, "components": described["components"]}
        jsonschema.Draft202012Validator(complete).validate(answer.json)


@pytest.mark.parametrize("path", ["/healthz", "/v1/nowhere", "/v1/websocket", "/v1/login"])
async def test_response_has_nosniff_a_csp_and_no_version(owner: Client, path: str) -> None:
    answer = await owner.request("GET", path)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"\d", answer.headers.get("Server", ""))


async def test_response_with_a_token_is_not_cacheable(owner: Client) -> None:
    login = await owner.login()
    token = await owner.request("GET", "/v1/websocket", headers=bearer(owner.login_token))

    assert login.headers["Cache-Control"] == "no-store"
    assert token.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example"])
async def test_foreign_host_gets_421(owner: Client, host: str) -> None:
    answer = await owner.request("GET", "/healthz", headers={"Host": host})

    assert (answer.status, answer.code) == (421, "misdirected_request")


@pytest.mark.parametrize("given", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
async def test_socket_of_a_foreign_page_gets_403(owner: Client, given: dict[str, str]) -> None:
    token = await owner.websocket_token()
    path = token.socket.partition("/v1/")[2]
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }

    answer = await owner.request("GET", f"/v1/{path}", headers={**upgrade, **given})

    assert (answer.status, answer.code) == (403, "forbidden_origin")


async def test_socket_of_the_own_page_is_accepted(owner: Client) -> None:
    token = await owner.websocket_token()

    async with owner.connect(token.socket, origin=owner.daemon.address) as socket:
        await socket.send("auth", token.token)
        await socket.stats()
