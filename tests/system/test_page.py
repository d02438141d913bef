"""The page on a phone: in and out, what plays, the hand on it; real browser, real player."""

import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
import pytest_asyncio

from tests.support.buses import PrivateBus
from tests.support.desk import Desk
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.page import Browser, Screen
from tests.support.page_measures import first_visit, follow_a_tap
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOKER = "a password for looking on"


@pytest.fixture(scope="module")
def desk(bus: PrivateBus) -> Iterator[Desk]:
    with Desk(buses=[bus]) as desk:
        yield desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def screen(browser: Browser, desk: Desk) -> AsyncIterator[Screen]:
    async with browser.screen(desk, has_touch=True) as screen:
        await screen.enter()
        yield screen


@pytest.fixture
def mpv(bus: PrivateBus, media: Media) -> Iterator[Mpv]:
    with Mpv(bus, [media.first.file, media.second.file]) as mpv:
        yield mpv


async def test_a_login_outlives_a_reload_and_no_script_can_reach_it(
    browser: Browser, desk: Desk
) -> None:
    async with browser.screen(desk) as screen:
        await screen.enter()
        reach = """JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage},
                                   (await cookieStore.getAll()).map((each) => each.name)])"""
        reached = await screen.page.evaluate(f"(async () => {reach})()")
        (cookie,) = await screen.page.context.cookies()
        await screen.go(state="live")

    assert json.loads(reached) == ["", {}, {}, []]
    assert (cookie.get("httpOnly"), cookie.get("secure")) == (True, True)
    assert cookie.get("sameSite") == "Strict"
    assert cookie.get("name", "").startswith("__Host-deskwire-")


async def test_a_wrong_password_is_told_and_the_next_try_lets_in(
    browser: Browser, desk: Desk
) -> None:
    async with browser.screen(desk) as screen:
        await screen.go()
        await screen.log_in(password="guess")
        await screen.see("That name and password do not belong together.")
        focused = await screen.page.evaluate("document.activeElement.id")
        await screen.log_in()
        await screen.is_state("live")

    assert focused == "password"


async def test_whoever_guesses_on_and_on_is_told_when_to_come_back(browser: Browser) -> None:
    with Desk() as desk:
        async with browser.screen(desk) as screen:
            await screen.go()
            ask = """async () => {
              for (let i = 0; i < 30; i += 1) {
                const answer = await fetch("v1/page/login", {
                  method: "POST", headers: { "Content-Type": "application/json" },
                  body: '{"username":"stranger","password":"guess"}',
                });
                if (answer.status === 429) return i;
              }
            }"""
            tries = await screen.page.evaluate(ask)
            await screen.log_in("stranger", "guess")
            await screen.see("Too many attempts.")
            await screen.page.get_by_text("Try again in").wait_for()
            button = screen.page.get_by_role("button", name="Log in")
            disabled = await button.get_attribute("aria-disabled")
            screen.complaints.clear()  # the browser lists every 429

    assert tries < 20
    assert disabled == "true"


async def test_logging_out_ends_the_login_and_shows_nothing_any_more(
    browser: Browser, desk: Desk, mpv: Mpv
) -> None:
    async with browser.screen(desk) as screen:

        async def no_cookie() -> Any:
            return await screen.page.context.cookies() == []

        await screen.enter()
        await screen.see("The Reason")
        await screen.button("Log out").click()
        await screen.see("You are logged out.")
        left = await screen.page.content()
        await until_async(no_cookie, what="the cookie is taken back")
        await screen.go()
        await screen.page.get_by_label("Name").wait_for()

    assert "The Reason" not in left


async def test_a_password_manager_knows_the_form(browser: Browser, desk: Desk) -> None:
    async with browser.screen(desk) as screen:
        await screen.go()
        name, password = (
            screen.page.locator(f"form input#{id_}") for id_ in ("username", "password")
        )
        hints = [await field.get_attribute("autocomplete") for field in (name, password)]
        kind = await password.get_attribute("type")

    assert hints == ["username", "current-password"]
    assert kind == "password"


async def test_what_plays_is_there_with_its_cover_and_its_colours(screen: Screen, mpv: Mpv) -> None:
    for text in ("The Reason", "Hoobastank", "Fallen", "3:52", "mpv"):
        await screen.see(text)
    await screen.until("document.querySelector('main img')?.naturalWidth === 300")
    with_cover = await accent(screen)
    alt = await screen.page.locator("main img").get_attribute("alt")
    mpv.command("stop")
    await screen.see("Nothing is playing")
    accents = "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
    await screen.until(f"{accents} !== '{with_cover}'")

    assert alt == "Cover of Fallen"


async def test_a_tap_on_pause_is_heard_and_seen_at_once(screen: Screen, mpv: Mpv) -> None:
    await screen.see("The Reason")
    took = [await follow_a_tap(screen, name) for name in ("Pause", "Play") * 3]
    await screen.page.get_by_role("button", name="Pause").tap()
    mpv.wait_for("pause", True)

    assert median(took) <= patiently(150)


async def test_next_previous_and_stop_are_obeyed(screen: Screen, mpv: Mpv) -> None:
    await screen.see("The Reason")
    await screen.button("Next track").tap()
    await screen.see("Going Under")
    await screen.until("!document.querySelector('[aria-busy=true]')")
    await screen.button("Previous track").tap()
    await screen.see("The Reason")
    await screen.until("!document.querySelector('[aria-busy=true]')")
    await screen.button("Stop").tap()
    mpv.wait_for_end()
    await screen.see("Nothing is playing")


async def test_the_bar_runs_on_smoothly_between_readings(screen: Screen, mpv: Mpv) -> None:
    await screen.see("The Reason")
    mpv.command("seek", 100, "absolute")
    await screen.until("/^1:4/.test(document.querySelector('.times span').textContent)")
    places = await screen.page.evaluate(
        """async () => {
          const bar = document.querySelector("[role=progressbar] > *");
          const places = [];
          for (const end = performance.now() + 3000; performance.now() < end;) {
            const place = bar.getBoundingClientRect().right;
            if (place !== places.at(-1)) places.push(place);
            await new Promise(requestAnimationFrame);
          }
          return places;
        }"""
    )

    steps = [after - before for before, after in pairwise(places)]
    assert len(steps) >= 2
    assert all(0 < step <= patiently(2.01) for step in steps), steps


async def test_two_players_switch_by_tab_key_and_swipe_and_the_playing_one_is_first(
    screen: Screen, mpv: Mpv, bus: PrivateBus, media: Media
) -> None:
    await screen.see("The Reason")
    with Mpv(bus, [media.second.file]) as second:
        tabs = screen.page.get_by_role("tab")
        await screen.until("document.querySelectorAll('[role=tab]').length === 2")
        mpv.set("pause", True)
        await screen.until("/^mpv 2/.test(document.querySelector('[role=tab]').innerText)")
        await screen.see("Going Under")

        await tabs.nth(1).click()
        await screen.see("The Reason")
        await screen.page.keyboard.press("ArrowLeft")
        await screen.see("Going Under")
        await swipe(screen, -150)
        await screen.see("The Reason")
        await swipe(screen, 150)
        await screen.see("Going Under")
        await screen.button("Pause").tap()
        second.wait_for("pause", True)

    await screen.see("The Reason")
    assert mpv.get("pause") is True


async def test_everything_can_be_done_by_keyboard(screen: Screen, mpv: Mpv) -> None:
    await screen.see("The Reason")
    seen = []
    for _ in range(8):
        await screen.page.keyboard.press("Tab")
        name = await screen.page.evaluate("document.activeElement.ariaLabel")
        outline = await screen.page.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle"
        )
        seen.append((name, outline))
        if name == "Pause":
            break
    await screen.page.keyboard.press("Space")
    mpv.wait_for("pause", True)
    await screen.button("Play").wait_for()
    kept = await screen.page.evaluate("document.activeElement.ariaLabel")

    assert seen[-1] == ("Pause", "solid"), seen
    assert kept == "Play", "the focus stays where it was"


async def test_a_refused_command_says_why(browser: Browser, desk: Desk, mpv: Mpv) -> None:
    desk.secrets.add(LOOKER)
    words = ("users", "add", "looker", "--password-stdin", "--scope", "monitor")
    assert desk.run(*words, given=LOOKER + "\n").returncode == 0
    async with browser.screen(desk) as screen:
        await screen.go()
        await screen.log_in("looker", LOOKER)
        await screen.see("The Reason")
        await screen.button("Pause").click()
        await screen.page.get_by_role("alert").get_by_text("may look, but not control").wait_for()

    assert mpv.get("pause") is False


async def test_the_first_visit_is_small_quick_and_asks_nobody_else(
    browser: Browser, desk: Desk
) -> None:
    async with browser.screen(desk) as screen:
        visit = await first_visit(screen)
        asked, violations = screen.asked, await screen.violations()

    assert {address.split("/")[2] for address in asked} == {desk.address.split("/")[2]}
    assert visit.transferred <= 90 * 1024
    assert visit.ready <= patiently(1000)
    assert violations == []


async def test_another_site_cannot_use_the_login(browser: Browser, desk: Desk) -> None:
    async with browser.screen(desk) as screen:
        await screen.enter()
        other = await screen.page.context.new_page()
        port = desk.address.rsplit(":", 1)[1]
        await other.goto(f"https://localhost:{port}/")
        tries = [
            await other.evaluate(
                f"""async () => {{
                  try {{
                    const given = await fetch("{desk.address}{path}",
                                              {{credentials: "include", method: "{method}"}});
                    return given.status;
                  }} catch {{ return "stopped"; }}
                }}"""
            )
            for method, path in (("GET", "/v1/websocket"), ("POST", "/v1/page/logout"))
        ]
        await screen.go(state="live")

    assert tries == ["stopped", "stopped"]


async def accent(screen: Screen) -> str:
    told: str = await screen.page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
    )
    return told


async def swipe(screen: Screen, by: int) -> None:
    """Draw a finger across the cover."""
    session = await screen.page.context.new_cdp_session(screen.page)
    x, y = (100, 250) if by > 0 else (260, 250)
    await session.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for step in range(1, 6):
        at = [{"x": x + by * step / 5, "y": y}]
        await session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": at})
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await session.detach()
