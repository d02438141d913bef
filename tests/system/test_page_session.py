"""The page's session made invisible: it rolls over, heals, and never says what is not so."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any

import pytest
import pytest_asyncio

from tests.support.desk import Desk
from tests.support.page import Browser, Screen
from tests.support.proxy import Proxy
from tests.support.stopping import send
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEWS = """
window.news = [];
const Real = WebSocket;
window.sockets = [];
window.WebSocket = class extends Real {
  constructor(...words) {
    super(...words);
    sockets.push(this);
    this.addEventListener("message", () => news.push(performance.now()));
    this.addEventListener("close", (e) => (this.closedWith = e.code));
  }
};
"""
STANDS_STILL = 3.0
"""Seconds: longer than a desk that speaks every second may be silent."""
SLEEP = """
let ahead = 0;
const wall = Date.now;
Date.now = () => wall() + ahead;
window.sleep = (milliseconds) => (ahead += milliseconds);
"""
"""A machine's sleep as a page sees it: the clock on the wall is far ahead of the one that runs."""


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


def short(lifetime: float, warning: float) -> dict[str, Any]:
    return {"session_lifetime": lifetime, "session_warning": warning}


async def test_a_session_that_expires_is_renewed_with_no_gap(browser: Browser) -> None:
    with Desk(settings=short(5, 2)) as desk:
        async with browser.screen(desk) as screen:
            await screen.page.add_init_script(NEWS)
            await screen.enter()
            await screen.until("sockets.length >= 3 && sockets[1].closedWith", within=12)
            told = await screen.states()
            gaps = await screen.page.evaluate("news.slice(1).map((at, i) => at - news[i])")
            codes = await screen.page.evaluate("sockets.slice(0, 2).map((one) => one.closedWith)")

    assert told[told.index("live") :] == ["live"]
    assert max(gaps) < patiently(1500)
    assert set(codes) <= {1000, 1005}, "the page closed them, not the desk"


async def test_a_token_that_ran_out_is_refreshed(browser: Browser) -> None:
    with Desk(settings=short(2, 0)) as desk:
        async with browser.screen(desk) as screen:
            await screen.page.add_init_script(NEWS)
            await screen.enter()
            await screen.until("sockets[0].closedWith === 4004")
            await screen.until("sockets.length > 1 && news.length > 4")
            await screen.is_state("live")
            told = await screen.states()

    assert told[-2:] == ["expired", "live"] or told[-1] == "live"
    assert "none" not in told[told.index("live") :], "nobody was asked to log in"


async def test_a_login_that_ran_out_leads_to_the_form_and_says_so(browser: Browser) -> None:
    with Desk(settings={**short(2, 0), "session_login_lifetime": 3}) as desk:
        async with browser.screen(desk) as screen:
            await screen.enter()
            await screen.see("Your login has expired. Please log in again.", within=8)


async def test_a_login_that_was_ended_elsewhere_leads_to_the_form(browser: Browser) -> None:
    with Desk() as desk:
        async with browser.screen(desk) as screen:
            await screen.enter()
            changed = desk.run(
                "users", "passwd", "owner", "--password-stdin", given="another good password\n"
            )
            desk.secrets.add("another good password")
            await screen.see("You were logged out by the desk.")

    assert changed.returncode == 0, changed.stderr


async def test_a_desk_that_stops_and_returns_is_said_to_be_away_and_then_live(
    browser: Browser, tmp_path: Path
) -> None:
    with Desk(state_dir=tmp_path / "state") as desk:
        port = desk.address.rsplit(":", 1)[1]
        async with browser.screen(desk) as screen:
            await screen.enter()
            desk.stop()
            await screen.is_state("away")
            with Desk("--port", port, state_dir=tmp_path / "state"):
                await screen.is_state("live", within=8)
            screen.complaints.clear()  # the browser lists every request that found nobody


async def test_a_desk_that_dies_is_stale_since_its_last_word_and_heals(
    browser: Browser, tmp_path: Path
) -> None:
    with Desk(state_dir=tmp_path / "state") as desk:
        port = desk.address.rsplit(":", 1)[1]
        async with browser.screen(desk) as screen:
            await screen.enter()
            desk.stop(SIGKILL)
            await screen.is_state("stale", within=1)
            words = await screen.page.locator("[data-state]").inner_text()
            with Desk("--port", port, state_dir=tmp_path / "state"):
                await screen.button("Try now").click()
                await screen.is_state("live", within=8)
            screen.complaints.clear()  # the browser lists every request that found nobody

    assert " ".join(words.split()).startswith("No news since ")


async def test_a_desk_that_falls_silent_is_stale_and_not_followed_further(
    browser: Browser, desk: Desk
) -> None:
    async with browser.screen(desk) as screen:
        await screen.enter()
        send(desk.pid, SIGSTOP)
        await screen.is_state("stale", within=3.5)
        send(desk.pid, SIGCONT)
        await screen.is_state("live", within=1.5)


async def test_a_network_that_goes_is_stale_at_once_and_heals(browser: Browser, desk: Desk) -> None:
    async with browser.screen(desk) as screen:
        await screen.enter()
        await screen.page.context.set_offline(True)
        await screen.until("states.some((each) => each.state === 'stale')", within=1)
        await screen.page.context.set_offline(False)
        await screen.is_state("live")
        screen.complaints.clear()  # the browser lists what it could not reach


async def test_a_page_that_stood_still_goes_on_by_itself(browser: Browser, desk: Desk) -> None:
    async with browser.screen(desk) as screen:
        await screen.page.add_init_script(NEWS)
        await screen.enter()
        processes = await browser.processes()
        before = await screen.page.evaluate("news.length")
        processes.signal_pages(SIGSTOP)
        await asyncio.sleep(STANDS_STILL)
        processes.signal_pages(SIGCONT)
        await screen.until(f"news.length > {before + 2}")
        await screen.is_state("live")
        sockets = await screen.page.evaluate("sockets.length")

    assert sockets <= 3, "it goes on with what it had, or opens one anew"


async def be_live_by(proxy: Proxy, screen: Screen) -> None:
    """Open the page by way of the proxy, with a sleep to be had, and log in."""
    await screen.page.add_init_script(NEWS + SLEEP)
    await screen.page.goto(proxy.address)
    await screen.log_in()
    await screen.is_state("live")


async def test_a_machine_that_slept_and_woke_without_its_network_does_not_pretend(
    browser: Browser, desk: Desk
) -> None:
    async with Proxy(desk.address) as proxy, browser.screen(desk) as screen:
        await be_live_by(proxy, screen)
        proxy.freeze()
        await screen.page.evaluate("sleep(3_600_000)")
        await screen.is_state("stale")
        opened = await screen.page.evaluate("sockets.length")
        proxy.thaw()
        await screen.is_state("live")
        told = await screen.states()

    assert opened == 2, "it does not wait for the dead socket"
    assert told[told.index("live") :][:3] == ["live", "stale", "live"]


async def test_what_a_dead_network_held_back_does_not_make_a_silent_desk_live(
    browser: Browser, desk: Desk
) -> None:
    async with Proxy(desk.address) as proxy, browser.screen(desk) as screen:
        await be_live_by(proxy, screen)
        proxy.freeze()
        await until_async(lambda: proxy.held_back, what="a reading is held back")
        send(desk.pid, SIGSTOP)
        heard = await screen.page.evaluate("news.length")
        await screen.page.evaluate("sleep(60_000)")
        await screen.is_state("stale")
        proxy.thaw()
        await screen.until(f"news.length > {heard} || sockets[0].readyState > WebSocket.OPEN")
        after = await screen.page.locator("[data-state]").get_attribute("data-state")
        send(desk.pid, SIGCONT)
        await screen.is_state("live")
        told = await screen.states()

    assert after == "stale"
    assert told[told.index("live") :] == ["live", "stale", "live"]


async def test_a_hidden_page_stops_asking_and_is_live_soon_after_it_is_looked_at(
    browser: Browser, desk: Desk
) -> None:
    async with browser.screen(desk) as screen:
        await screen.page.add_init_script(NEWS)
        await screen.enter()
        await screen.hide(True)
        await screen.until("sockets[0].readyState === WebSocket.CLOSED")
        open_sockets = await screen.page.evaluate(
            "sockets.filter((one) => one.readyState < WebSocket.CLOSING).length"
        )
        await screen.hide(False)
        await screen.is_state("live", within=1)
        asked = [address for address in screen.asked if "/v1/websocket" in address]

    assert open_sockets == 0
    assert len(asked) == 2, "one before the login, one after; the token is used again"


async def test_a_desk_with_too_many_screens_says_so(browser: Browser) -> None:
    with Desk(settings={"session_max_sockets_per_user": 1}) as desk:
        async with browser.screen(desk) as first, browser.screen(desk) as second:
            await first.enter()
            await second.go()
            await second.log_in()
            await second.is_state("refused")
            await second.page.get_by_text("Too many screens are connected.").first.wait_for()
