from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from deskwire.simulator.mock import PASSWORD, WATCHER, Mock
from deskwire.simulator.scenario import load

EXAMPLE = load("example")
JSON = {"Content-Type": "application/json"}


class Script:
    """A script with a login token."""

    def __init__(self, mock: Mock, http: aiohttp.ClientSession) -> None:
        self._mock = mock
        self._http = http
        self.headers: dict[str, str] = {}

    async def log_in(self, user: str) -> "Script":
        words = {"username": user, "password": PASSWORD}
        async with self._http.post(f"{self._mock.address}/v1/login", json=words) as response:
            self.headers = {"Authorization": f"Bearer {(await response.json())['data']['token']}"}
        return self

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        headers = self.headers | options.pop("headers", {})
        url = self._mock.address + path
        async with self._http.request(method, url, headers=headers, **options) as response:
            return response.status, await response.json()

    async def code(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        status, body = await self.call(method, path, **options)
        return status, body["data"]["code"]


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async with Mock(*EXAMPLE) as mock, aiohttp.ClientSession() as http:
        yield await Script(mock, http).log_in("owner")


async def test_readings_of_chosen_topics_are_complete(script: Script) -> None:
    status, body = await script.call("GET", "/v1/desk?topics=cpu,players")

    assert (status, body["object"]) == (200, "readings")
    assert body["data"].keys() == {"cpu", "players"}
    assert 0 <= body["data"]["cpu"]["busy"] <= 100
    assert body["data"]["players"][0]["id"] == "player1"


@pytest.mark.parametrize("path", ["/v1/desk", "/v1/desk?topics=", "/v1/desk?other=1"])
async def test_readings_of_all_topics_need_no_query(script: Script, path: str) -> None:
    status, body = await script.call("GET", path)

    assert status == 200
    assert body["data"].keys() >= {"cpu", "memory", "players", "volume"}


@pytest.mark.parametrize("path", ["/v1/desk?topics=moon", "/v1/desk?topics=cpu&topics=moon,cpu"])
async def test_unknown_topic_gets_404(script: Script, path: str) -> None:
    assert await script.code("GET", path) == (404, "unknown_topic")


async def test_commands_are_listed_with_schema_and_scope(script: Script) -> None:
    _, body = await script.call("GET", "/v1/commands")
    stop = next(each for each in body["data"] if each["name"] == "players.stop")

    assert (stop["scope"], stop["meaning"]) == ("control", "Stop playback")
    assert stop["arguments"]["$defs"]["Stop"]["required"] == ["player"]


async def test_command_is_carried_out(script: Script) -> None:
    path = "/v1/desk?topics=players"
    before = (await script.call("GET", path))[1]["data"]["players"][0]["playing"]
    done = await script.call("POST", "/v1/commands/players.play-pause", json={"player": "player1"})
    after = (await script.call("GET", path))[1]["data"]["players"][0]["playing"]

    assert done == (200, {"object": "result", "data": None})
    assert after is not before


@pytest.mark.parametrize(
    ("name", "body", "headers", "expected"),
    [
        ("players.stop", b'{"player":"player99"}', JSON, (404, "unknown_player")),
        ("players.explode", b"{}", JSON, (404, "unknown_command")),
        ("players.stop", b"{}", JSON, (400, "malformed")),
        ("players.stop", b'{"player":1}', JSON, (400, "malformed")),
        ("players.stop", b'"player1"', JSON, (400, "malformed")),
        ("players.stop", b"player1", JSON, (400, "malformed")),
        ("players.stop", b"\xff", JSON, (400, "malformed")),
        ("players.stop", b"", JSON, (400, "malformed")),
        ("players.stop", b"x" * 20_000, JSON, (413, "too_large")),
        ("players.stop", b"{}", {"Content-Type": "text/plain"}, (415, "unsupported_media_type")),
    ],
)  # fmt: skip
async def test_wrong_command_gets_its_code_and_does_nothing(
    script: Script, name: str, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    path = "/v1/desk?topics=players"
    before = (await script.call("GET", path))[1]["data"]["players"][0]["title"]

    assert await script.code("POST", f"/v1/commands/{name}", data=body, headers=headers) == expected
    assert (await script.call("GET", path))[1]["data"]["players"][0]["title"] == before


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/desk"), ("GET", "/v1/commands"), ("POST", "/v1/commands/players.stop")],
)
async def test_request_without_a_valid_token_gets_401(
    script: Script, method: str, path: str
) -> None:
    for headers in ({"Authorization": "Bearer forged"}, {"Authorization": ""}):
        status, code = await script.code(method, path, json={}, headers=headers)
        assert (status, code) == (401, "token_refused")


async def test_login_that_may_only_watch_can_send_no_command(script: Script) -> None:
    commands = [each["name"] for each in (await script.call("GET", "/v1/commands"))[1]["data"]]
    await script.log_in(WATCHER)

    assert (await script.call("GET", "/v1/desk"))[0] == 200
    assert (await script.call("GET", "/v1/commands"))[1]["data"] == []
    for name in commands:
        path, arguments = f"/v1/commands/{name}", {"player": "player1"}
        assert await script.code("POST", path, json=arguments) == (403, "forbidden")


async def test_too_many_commands_get_429(script: Script) -> None:
    path, arguments = "/v1/commands/players.stop", {"player": "player99"}
    codes = [(await script.code("POST", path, json=arguments)) for _ in range(40)]

    assert (404, "unknown_player") in codes
    assert codes[-1] == (429, "throttled")
