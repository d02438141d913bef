"""Session of the page: renewal, reconnection and an honest connection state."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any

import pytest
import pytest_asyncio

from tests.support.page import PHONE, WIDE, Browser, Dashboard
from tests.support.processes import send_signal
from tests.support.programs import Daemon
from tests.support.proxy import Proxy
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECORDER = """
window.messages = [];
const Real = WebSocket;
window.sockets = [];
window.WebSocket = class extends Real {
  constructor(...words) {
    super(...words);
    sockets.push(this);
    this.addEventListener("message", () => messages.push(performance.now()));
    this.addEventListener("close", (e) => (this.closedWith = e.code));
  }
};
"""
BLOCKED = """
window.WebSocket = class {
  constructor() { setTimeout(() => this.onclose({ code: 1006 })); }
};
"""
"""A proxy that does not forward upgrades, or a browser that refuses the socket's certificate."""
SUSPENDED = 3.0
"""Seconds, longer than the page waits for the next message of a desk that sends each second."""
SLEEP = """
let ahead = 0;
const wall = Date.now;
Date.now = () => wall() + ahead;
window.sleep = (milliseconds) => (ahead += milliseconds);
"""
"""Sleep of the machine as the page sees it: the wall clock is far ahead of the running clock."""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon() as daemon:
        yield daemon


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


def short(lifetime: float, warning: float) -> dict[str, Any]:
    return {"session_lifetime": lifetime, "session_warning": warning}


async def test_expiring_session_is_renewed_without_a_gap(browser: Browser) -> None:
    with Daemon(settings=short(5, 2)) as daemon:
        async with browser.open(daemon) as dashboard:
            await dashboard.page.add_init_script(RECORDER)
            await dashboard.open_and_log_in()
            await dashboard.wait_for("sockets.length >= 3 && sockets[1].closedWith", within=12)
            states = await dashboard.states()
            gaps = await dashboard.page.evaluate(
                "messages.slice(1).map((at, i) => at - messages[i])"
            )
            codes = await dashboard.page.evaluate(
                "sockets.slice(0, 2).map((one) => one.closedWith)"
            )

    assert states[states.index("live") :] == ["live"]
    assert max(gaps) < patiently(1500)
    assert set(codes) <= {1000, 1005}, "the page closed them, not the desk"


async def test_expired_token_is_replaced(browser: Browser) -> None:
    with Daemon(settings=short(2, 0)) as daemon:
        async with browser.open(daemon) as dashboard:
            await dashboard.page.add_init_script(RECORDER)
            await dashboard.open_and_log_in()
            await dashboard.wait_for("sockets[0].closedWith === 4004")
            await dashboard.wait_for("sockets.length > 1 && messages.length > 4")
            await dashboard.wait_for_state("live")
            states = await dashboard.states()

    assert states[-2:] == ["expired", "live"] or states[-1] == "live"
    assert "none" not in states[states.index("live") :], "no log-in form was shown"


async def test_expired_login_leads_to_the_form_with_the_reason(browser: Browser) -> None:
    with Daemon(settings={**short(2, 0), "session_login_lifetime": 3}) as daemon:
        async with browser.open(daemon) as dashboard:
            await dashboard.open_and_log_in()
            await dashboard.wait_for_text("Your login has expired. Please log in again.", within=8)


async def test_login_ended_elsewhere_leads_to_the_form_with_the_reason(browser: Browser) -> None:
    with Daemon() as daemon:
        async with browser.open(daemon) as dashboard:
            await dashboard.open_and_log_in()
            changed = daemon.run(
                "users", "passwd", "owner", "--password-stdin", given="another good password\n"
            )
            daemon.secrets.add("another good password")
            await dashboard.wait_for_text("The desk has logged you out.")

    assert changed.returncode == 0, changed.stderr


async def test_stopped_desk_is_away_and_live_after_its_return(
    browser: Browser, tmp_path: Path
) -> None:
    with Daemon(state_dir=tmp_path / "state") as daemon:
        port = daemon.address.rsplit(":", 1)[1]
        async with browser.open(daemon) as dashboard:
            await dashboard.open_and_log_in()
            daemon.stop()
            await dashboard.wait_for_state("away")
            with Daemon("--port", port, state_dir=tmp_path / "state"):
                await dashboard.wait_for_state("live", within=8)
            dashboard.errors.clear()  # the browser reports each failed request


async def test_killed_desk_is_stale_since_its_last_message_and_recovers(
    browser: Browser, tmp_path: Path
) -> None:
    with Daemon(state_dir=tmp_path / "state") as daemon:
        port = daemon.address.rsplit(":", 1)[1]
        async with browser.open(daemon) as dashboard:
            await dashboard.open_and_log_in()
            daemon.stop(SIGKILL)
            await dashboard.wait_for_state("stale", within=1)
            words = await dashboard.page.locator("[data-state]").inner_text()
            with Daemon("--port", port, state_dir=tmp_path / "state"):
                await dashboard.button("Try now").click()
                await dashboard.wait_for_state("live", within=8)
            dashboard.errors.clear()  # the browser reports each failed request

    assert " ".join(words.split()).startswith("No data since ")


async def test_silent_desk_is_stale_and_live_with_its_next_message(
    browser: Browser, daemon: Daemon
) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.open_and_log_in()
        send_signal(daemon.pid, SIGSTOP)
        await dashboard.wait_for_state("stale", within=3.5)
        send_signal(daemon.pid, SIGCONT)
        await dashboard.wait_for_state("live", within=1.5)


async def test_lost_network_is_stale_at_once_and_recovers(browser: Browser, daemon: Daemon) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.open_and_log_in()
        await dashboard.page.context.set_offline(True)
        await dashboard.wait_for("states.some((each) => each.state === 'stale')", within=1)
        await dashboard.page.context.set_offline(False)
        await dashboard.wait_for_state("live")
        dashboard.errors.clear()  # the browser reports each failed request


async def test_suspended_page_resumes_by_itself(browser: Browser, daemon: Daemon) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.page.add_init_script(RECORDER)
        await dashboard.open_and_log_in()
        processes = await browser.processes()
        before = await dashboard.page.evaluate("messages.length")
        processes.signal_pages(SIGSTOP)
        await asyncio.sleep(SUSPENDED)
        processes.signal_pages(SIGCONT)
        await dashboard.wait_for(f"messages.length > {before + 2}")
        await dashboard.wait_for_state("live")
        sockets = await dashboard.page.evaluate("sockets.length")

    assert sockets <= 3, "the page keeps its socket or opens one more"


async def go_live_through(proxy: Proxy, dashboard: Dashboard) -> None:
    """Open the page through the proxy, with a `sleep()` function, and log in."""
    await dashboard.page.add_init_script(RECORDER + SLEEP)
    await dashboard.page.goto(proxy.address)
    await dashboard.log_in()
    await dashboard.wait_for_state("live")


async def test_wake_up_without_network_is_stale_and_opens_a_new_socket(
    browser: Browser, daemon: Daemon
) -> None:
    async with Proxy(daemon.address) as proxy, browser.open(daemon) as dashboard:
        await go_live_through(proxy, dashboard)
        proxy.freeze()
        await dashboard.page.evaluate("sleep(3_600_000)")
        await dashboard.wait_for_state("stale")
        opened = await dashboard.page.evaluate("sockets.length")
        proxy.thaw()
        await dashboard.wait_for_state("live")
        states = await dashboard.states()

    assert opened == 2, "the page does not wait for the dead socket"
    assert states[states.index("live") :][:3] == ["live", "stale", "live"]


async def test_delayed_messages_do_not_make_a_silent_desk_live(
    browser: Browser, daemon: Daemon
) -> None:
    async with Proxy(daemon.address) as proxy, browser.open(daemon) as dashboard:
        await go_live_through(proxy, dashboard)
        proxy.freeze()
        await until_async(lambda: proxy.held_back, what="the proxy holds back a reading")
        send_signal(daemon.pid, SIGSTOP)
        received = await dashboard.page.evaluate("messages.length")
        await dashboard.page.evaluate("sleep(60_000)")
        await dashboard.wait_for_state("stale")
        proxy.thaw()
        await dashboard.wait_for(
            f"messages.length > {received} || sockets[0].readyState > WebSocket.OPEN"
        )
        after = await dashboard.page.locator("[data-state]").get_attribute("data-state")
        send_signal(daemon.pid, SIGCONT)
        await dashboard.wait_for_state("live")
        states = await dashboard.states()

    assert after == "stale"
    assert states[states.index("live") :] == ["live", "stale", "live"]


async def test_hidden_page_disconnects_and_is_live_soon_when_visible_again(
    browser: Browser, daemon: Daemon
) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.page.add_init_script(RECORDER)
        await dashboard.open_and_log_in()
        await dashboard.hide(True)
        await dashboard.wait_for("sockets[0].readyState === WebSocket.CLOSED")
        open_sockets = await dashboard.page.evaluate(
            "sockets.filter((one) => one.readyState < WebSocket.CLOSING).length"
        )
        await dashboard.hide(False)
        await dashboard.wait_for_state("live", within=1)
        tokens = [address for address in dashboard.requests if "/v1/websocket" in address]

    assert open_sockets == 0
    assert len(tokens) == 2, "one before the log-in, one after it; the page uses the token again"


async def test_page_above_the_socket_limit_shows_the_reason(browser: Browser) -> None:
    with Daemon(settings={"session_max_sockets_per_user": 1}) as daemon:
        async with browser.open(daemon) as first, browser.open(daemon) as second:
            await first.open_and_log_in()
            await second.open()
            await second.log_in()
            await second.wait_for_state("refused")
            await second.page.get_by_text("Too many clients are connected.").first.wait_for()


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=lambda size: f"{size[0]}")
async def test_page_without_websocket_shows_the_steps_to_take(
    browser: Browser, daemon: Daemon, size: tuple[int, int]
) -> None:
    async with browser.open(daemon, size) as dashboard:
        await dashboard.page.add_init_script(BLOCKED)
        await dashboard.open()
        await dashboard.log_in()
        await dashboard.wait_for_state("connecting")
        await dashboard.wait_for_state("blocked", within=7)
        await dashboard.wait_for_text("The page loads, but its WebSocket does not open.")
        steps = await dashboard.page.locator("main li").all_inner_texts()
        await dashboard.page.wait_for_timeout(1500)
        faults = await dashboard.axe_violations()

    assert len(steps) == 2
    assert "proxy" in steps[0]
    assert "certificate" in steps[1]
    assert faults == []
