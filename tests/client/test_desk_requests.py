"""Readings and commands over HTTP, with the asynchronous and the blocking client."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deskwire.auth.tokens import Tokens
from deskwire.client import (
    NotADesk,
    NotConnected,
    RefusedByDesk,
    UnknownCommand,
    UnknownPlayer,
    UnknownTopic,
    connect,
)
from deskwire.client import sync as blocking
from deskwire.client.desk import Desk
from deskwire.client.problems import problem_of
from deskwire.model.problems import Malformed, OutOfScope
from deskwire.simulator.mock import PASSWORD, WATCHER, Mock
from deskwire.simulator.scenario import load

EXAMPLE = load("example")


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    async with Mock(*EXAMPLE) as running:
        yield running


@pytest.fixture
async def desk(mock: Mock) -> AsyncIterator[Desk]:
    async with connect(mock.address, mock.user, mock.password) as desk:
        yield desk


async def test_readings_of_chosen_topics_are_returned(desk: Desk) -> None:
    chosen, everything = await desk.get("cpu", "players"), await desk.get()

    assert chosen.keys() == {"cpu", "players"}
    assert chosen["players"][0]["id"] == "player1"
    assert everything.keys() > chosen.keys()


async def test_command_is_carried_out_when_it_returns(desk: Desk) -> None:
    before = (await desk.get("players"))["players"][0]["playing"]
    await desk.command("players.play-pause", player="player1")
    after = (await desk.get("players"))["players"][0]["playing"]

    assert after is not before


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("players.stop", {"player": "player9"}, UnknownPlayer),
        ("players.stop", {}, Malformed),
        ("players.explode", {}, UnknownCommand),
        ("../desk?x", {}, UnknownCommand),
    ],
)
async def test_refused_command_raises_the_desks_error(
    desk: Desk, name: str, arguments: dict[str, str], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        await desk.command(name, **arguments)


async def test_unknown_topic_is_raised(desk: Desk) -> None:
    with pytest.raises(UnknownTopic, match="moon"):
        await desk.get("moon")


async def test_watcher_may_send_no_command(mock: Mock) -> None:
    async with connect(mock.address, WATCHER, PASSWORD) as desk:
        assert "cpu" in await desk.get()
        with pytest.raises(OutOfScope):
            await desk.command("players.stop", player="player1")


async def test_desk_that_was_left_is_not_connected(desk: Desk, mock: Mock) -> None:
    async with connect(mock.address, mock.user, mock.password) as left:
        pass
    with pytest.raises(NotConnected):
        await left.get()


async def test_blocking_client_has_the_same_calls(mock: Mock) -> None:
    def script() -> bool:
        with blocking.connect(mock.address, mock.user, mock.password) as desk:
            before = desk.get("players")["players"][0]["playing"]
            desk.command("players.play-pause", player="player1")
            return bool(desk.get("players")["players"][0]["playing"] is not before)

    assert await asyncio.to_thread(script)


@pytest.mark.parametrize("token", ["a b", "a\r\nX-Evil: 1", "\x1b[2J", "", "é"])
async def test_login_token_with_other_characters_is_refused(
    mock: Mock, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setattr(Tokens, "login_token", lambda *_: (token, 4e9))

    with pytest.raises(NotADesk, match="characters that no token has"):
        async with connect(mock.address, mock.user, mock.password):
            pass


def test_error_of_a_desk_is_one_printable_line() -> None:
    problem = problem_of("odd\x1b[2J", "no\n\x9b2J" + "x" * 1000)

    assert problem.message.startswith("no\ufffd\ufffd2J")
    assert len(problem.message) == 500
    assert isinstance(problem, RefusedByDesk)
    assert problem.given_code == "odd\ufffd[2J"
