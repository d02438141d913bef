"""A page from elsewhere: asked for by a setting it may read, any other may not."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from deskwire.simulator.mock import Mock
from deskwire.simulator.scenario import Scenario

PANEL = "https://panel.example"
ELSEWHERE = "https://elsewhere.example"
ASKING = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
ALLOW = "Access-Control-Allow-Origin"


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    async with Mock(Scenario({"audio": []}), origins=[PANEL]) as mock:
        yield mock


@pytest.fixture
async def http(mock: Mock) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(mock.address) as http:
        yield http


async def test_a_browser_is_told_what_the_page_may_ask(http: aiohttp.ClientSession) -> None:
    async with http.options("/v1/login", headers={"Origin": PANEL, **ASKING}) as answer:
        headers = answer.headers

        assert answer.status == 204
    assert headers[ALLOW] == PANEL
    assert headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert "Content-Type" in headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in headers
    assert headers["Vary"] == "Origin"


async def test_the_page_may_read_answers_and_refusals(
    http: aiohttp.ClientSession, mock: Mock
) -> None:
    right = {"username": mock.user, "password": mock.password}
    for credentials, status in ((right, 200), ({**right, "password": "wrong"}, 401), ({}, 400)):
        async with http.post("/v1/login", json=credentials, headers={"Origin": PANEL}) as answer:
            assert (answer.status, answer.headers[ALLOW]) == (status, PANEL)


async def test_another_page_is_told_nothing(http: aiohttp.ClientSession) -> None:
    for origin in (ELSEWHERE, "null"):
        async with http.options("/v1/login", headers={"Origin": origin, **ASKING}) as answer:
            assert answer.status == 403
            assert ALLOW not in answer.headers


async def test_who_is_no_page_is_told_nothing_of_pages(http: aiohttp.ClientSession) -> None:
    async with http.get("/healthz") as answer:
        assert answer.status == 200
        assert ALLOW not in answer.headers
    async with http.options("/v1/login", headers=ASKING) as answer:
        assert answer.status == 405
