"""The mock over the wire: the scenario, and each fault as a client sees it. Time passes at once."""

import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from deskwire.conformance.check_context import Account, CheckContext, CheckOptions
from deskwire.conformance.http import Http, Trust, bearer
from deskwire.simulator.faults import parse_fault
from deskwire.simulator.mock import WATCHER, Mock
from deskwire.simulator.scenario import load
from tests.protocol.example import CONTRACT_STATS
from tests.support.virtual_time import VirtualTimeLoop, run_in_virtual_time

Story = Callable[[CheckContext], Awaitable[None]]


def play(story: Story, *faults: str, scenario: str = "example", **more: Any) -> None:
    """Start a mock, and live through a story with it."""
    loaded, pictures = load(scenario)
    trust = Trust()

    async def main(loop: VirtualTimeLoop) -> None:
        async with (
            Mock(
                loaded,
                pictures,
                faults=map(parse_fault, faults),
                clock=loop.clock,
                **more,
            ) as mock,
            Http(mock.address, trust) as http,
        ):
            await story(
                CheckContext(http, trust, CheckOptions(owner=Account(mock.user, mock.password)))
            )

    run_in_virtual_time(main)


def test_first_stats_are_the_example_of_the_contract() -> None:
    async def story(bench: CheckContext) -> None:
        async with bench.watch() as screen:
            assert screen.received[0].args == [CONTRACT_STATS]

    play(story)


def test_scenario_continues_without_a_client() -> None:
    async def story(bench: CheckContext) -> None:
        async with bench.watch() as screen:
            assert (await bench.stats(screen))["battery"] == {"percentage": 34, "plugged_in": False}
            await screen.ended(within=9)
            assert (await bench.stats(screen))["wifi"] == {"ssid": "", "connected": False}
        async with bench.watch() as screen:
            await screen.ended(within=20)
            assert "wifi" not in await bench.stats(screen)
            await screen.ended(within=8)
            stats = await bench.stats(screen)
        assert stats["wifi"] == {"ssid": "Home", "connected": True}
        assert stats["battery"] == {"percentage": 33, "plugged_in": True}

    play(story, scenario="laptop")


def test_hanging_player_delays_only_its_own_command() -> None:
    async def story(bench: CheckContext) -> None:
        async with bench.watch() as screen:
            asked = screen.say("audio-stop", "player3")
            screen.say("audio-play-pause", "player1")
            paused = await screen.see(
                lambda received: '\\"playing\\":false' in received.text, within=1
            )
            error = await screen.event("error")
        assert paused
        assert paused.at - asked < 0.5
        assert error.inner["code"] == "player_timeout"
        assert 0.9 < error.at - asked < 1.5

    play(story, scenario="players")


def test_a_watcher_may_not_control() -> None:
    async def story(bench: CheckContext) -> None:
        login = await bench.new_login(Account(WATCHER, bench.options.owner.password))
        async with bench.watch(await bench.socket_token(login)) as screen:
            screen.say("audio-stop", "player1")
            assert (await screen.event("error")).inner["code"] == "forbidden"

    play(story)


def test_a_picture_is_served_for_each_track_and_a_minute_longer() -> None:
    async def story(bench: CheckContext) -> None:
        async def get(url: str) -> int:
            headers = bearer(await bench.login())
            return (await bench.http.ask("GET", url, headers=headers)).status

        async with bench.watch() as screen:
            first = (await bench.stats(screen))["audio"][0]["art_url"]
            assert await get(first) == 200
            screen.say("audio-next", "player1")
            second = (await bench.stats(screen))["audio"][0]["art_url"]
            assert [await get(first), await get(second)] == [200, 200]
            await screen.ended(within=70)
            assert [await get(first), await get(second)] == [404, 200]

    play(story)


def test_1006_loses_the_connection_and_the_token_stays_good() -> None:
    async def story(bench: CheckContext) -> None:
        socket_token = await bench.socket_token()
        async with bench.watch(socket_token) as screen:
            end = await screen.ended(within=4)
            assert end
            assert end.code == 1006
            assert 2.9 < end.at - screen.received[0].at < 3.2
        async with bench.watch(socket_token) as screen:
            assert await screen.ended(within=10) is None

    play(story, "close=1006@3")


def test_4004_ends_the_tokens_time_and_a_new_one_is_let_in() -> None:
    async def story(bench: CheckContext) -> None:
        socket_token = await bench.socket_token()
        async with bench.watch(socket_token) as screen:
            assert await screen.closed(4004, within=4)
        async with bench.connect(socket_token.socket) as screen:
            screen.say("auth", socket_token.token)
            assert await screen.closed(4004)
        async with bench.watch() as screen:
            await screen.alive()

    play(story, "close=4004@2")


def test_4001_ends_the_login_and_a_new_one_is_let_in() -> None:
    async def story(bench: CheckContext) -> None:
        login = await bench.login()
        async with bench.watch() as screen:
            assert await screen.closed(4001, within=4)
        refused = await bench.http.ask("GET", "/v1/websocket", headers=bearer(login))
        assert refused.error(401) == "token_refused"
        async with bench.watch(await bench.socket_token(await bench.new_login())) as screen:
            await screen.alive()

    play(story, "close=4001@2")


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1009, 1013])
def test_other_codes_close_the_socket_and_no_more(code: int) -> None:
    async def story(bench: CheckContext) -> None:
        socket_token = await bench.socket_token()
        async with bench.watch(socket_token) as screen:
            assert await screen.closed(code, within=4)
        async with bench.watch(socket_token) as screen:
            await screen.alive()

    play(story, f"close={code}@2")


def test_each_row_of_the_contract_can_be_rehearsed_in_one_go() -> None:
    async def story(bench: CheckContext) -> None:
        ends = []
        for _ in range(4):
            async with bench.watch(await bench.socket_token(await bench.new_login())) as screen:
                end = await screen.ended(within=20)
                ends.append(end.code if end else None)
        assert ends == [1001, 1006, 4001, 4004]

    play(story, "close=4004@20", "close=1001@5", "close=4001@15", "close=1006@10")


def test_slow_says_nothing_for_a_while_and_then_goes_on() -> None:
    async def story(bench: CheckContext) -> None:
        async with bench.watch() as screen:
            await screen.ended(within=20)
            times = [received.at - screen.received[0].at for received in screen.received]
            async with bench.watch():
                pass
        assert [at for at in times if 3.05 < at < 10.9] == []
        assert [at for at in times if 10.9 < at < 11.1]
        assert len(times) > 10

    play(story, "slow=8@3")


def test_client_that_connects_during_a_pause_waits_for_stats() -> None:
    async def story(bench: CheckContext) -> None:
        async with bench.watch() as first:
            await first.ended(within=3)
            socket_token = await bench.socket_token()
            async with bench.connect(socket_token.socket) as screen:
                screen.say("auth", socket_token.token)
                assert await screen.see(lambda _: True, within=4) is None
                assert await screen.see(lambda _: True, within=4)

    play(story, "slow=6@2")


def test_garbage_comes_and_the_next_stats_are_right_again() -> None:
    async def story(bench: CheckContext) -> None:
        async with bench.watch() as screen:
            await screen.ended(within=4)
            texts = [received.text for received in screen.received]
            screen.faults.clear()
            await screen.alive()
            stats = await bench.stats(screen)
        at = texts.index("not JSON")
        assert '{"event":"stats"}' in texts
        assert all(json.loads(text)["event"] == "stats" for text in texts[: at - 1])
        assert stats["volume"] == 88

    play(story, "garbage@2")


def test_a_short_life_is_warned_of_and_ends() -> None:
    async def story(bench: CheckContext) -> None:
        async with bench.watch() as screen:
            warning = await screen.event("session expiring", within=9)
            end = await screen.ended(within=9)
        assert end
        assert end.code == 4004
        assert 2.5 < end.at - warning.at < 3.5

    play(story, lifetime=8.0, warning=3.0)


def test_mock_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def story(_: CheckContext) -> None:
        assert list(tmp_path.iterdir())

    play(story)

    assert not list(tmp_path.iterdir())
