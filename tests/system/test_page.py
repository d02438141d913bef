"""Page on a phone: log-in, player and controls, with a real browser and a real player."""

import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
import pytest_asyncio

from tests.support.buses import PrivateBus
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.page import Browser, Dashboard
from tests.support.page_measures import first_visit, measure_command
from tests.support.programs import Daemon
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

MONITOR_PASSWORD = "a password for looking on"


@pytest.fixture(scope="module")
def daemon(bus: PrivateBus) -> Iterator[Daemon]:
    with Daemon(buses=[bus]) as daemon:
        yield daemon


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def dashboard(browser: Browser, daemon: Daemon) -> AsyncIterator[Dashboard]:
    async with browser.open(daemon, has_touch=True) as dashboard:
        await dashboard.open_and_log_in()
        yield dashboard


@pytest.fixture
def mpv(bus: PrivateBus, media: Media) -> Iterator[Mpv]:
    with Mpv(bus, [media.first.file, media.second.file]) as mpv:
        yield mpv


async def test_login_survives_a_reload_and_is_invisible_to_scripts(
    browser: Browser, daemon: Daemon
) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.open_and_log_in()
        storage = """JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage},
                                   (await cookieStore.getAll()).map((each) => each.name)])"""
        readable = await dashboard.page.evaluate(f"(async () => {storage})()")
        (cookie,) = await dashboard.page.context.cookies()
        await dashboard.open(state="live")

    assert json.loads(readable) == ["", {"deskwire.user": "owner"}, {}, []]
    assert (cookie.get("httpOnly"), cookie.get("secure")) == (True, True)
    assert cookie.get("sameSite") == "Strict"
    assert cookie.get("name", "").startswith("__Host-deskwire-")


async def test_wrong_password_shows_an_error_and_the_next_attempt_succeeds(
    browser: Browser, daemon: Daemon
) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.open()
        await dashboard.log_in(password="guess")
        await dashboard.wait_for_text("Wrong name or password.")
        focused = await dashboard.page.evaluate("document.activeElement.id")
        await dashboard.log_in()
        await dashboard.wait_for_state("live")

    assert focused == "password"


async def test_repeated_wrong_passwords_show_when_to_try_again(browser: Browser) -> None:
    with Daemon() as daemon:
        async with browser.open(daemon) as dashboard:
            await dashboard.open()
            guess = """async () => {
              for (let i = 0; i < 30; i += 1) {
                const answer = await fetch("v1/page/login", {
                  method: "POST", headers: { "Content-Type": "application/json" },
                  body: '{"username":"stranger","password":"guess"}',
                });
                if (answer.status === 429) return i;
              }
            }"""
            tries = await dashboard.page.evaluate(guess)
            await dashboard.log_in("stranger", "guess")
            await dashboard.wait_for_text("Too many attempts.")
            await dashboard.page.get_by_text("Try again in").wait_for()
            button = dashboard.page.get_by_role("button", name="Log in")
            disabled = await button.get_attribute("aria-disabled")
            dashboard.errors.clear()  # the browser lists every 429

    assert tries < 20
    assert disabled == "true"


async def test_log_out_ends_the_login_and_clears_the_page(
    browser: Browser, daemon: Daemon, mpv: Mpv
) -> None:
    async with browser.open(daemon) as dashboard:

        async def no_cookie() -> Any:
            return await dashboard.page.context.cookies() == []

        await dashboard.open_and_log_in()
        await dashboard.wait_for_text("The Reason")
        await dashboard.button("Log out").click()
        await dashboard.wait_for_text("You are logged out.")
        content = await dashboard.page.content()
        await until_async(no_cookie, what="the cookie is removed")
        name = await dashboard.page.get_by_label("Name").input_value()
        await dashboard.open()
        await dashboard.page.get_by_label("Name").wait_for()
        name_after_reload = await dashboard.page.get_by_label("Name").input_value()

    assert "The Reason" not in content
    assert (name, name_after_reload) == ("owner", "owner")


async def test_login_form_has_the_hints_that_password_managers_need(
    browser: Browser, daemon: Daemon
) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.open()
        name, password = (
            dashboard.page.locator(f"form input#{id_}") for id_ in ("username", "password")
        )
        hints = [await field.get_attribute("autocomplete") for field in (name, password)]
        kind = await password.get_attribute("type")

    assert hints == ["username", "current-password"]
    assert kind == "password"


async def test_playing_track_shows_its_cover_and_takes_its_colours(
    dashboard: Dashboard, mpv: Mpv
) -> None:
    for text in ("The Reason", "Hoobastank", "Fallen", "3:52", "mpv"):
        await dashboard.wait_for_text(text)
    await dashboard.wait_for("document.querySelector('main img')?.naturalWidth === 300")
    with_cover = await accent(dashboard)
    alt = await dashboard.page.locator("main img").get_attribute("alt")
    mpv.command("stop")
    await dashboard.wait_for_text("Nothing is playing")
    accents = "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
    await dashboard.wait_for(f"{accents} !== '{with_cover}'")

    assert alt == "Cover of Fallen"


async def test_pause_button_acts_and_updates_within_150_ms(dashboard: Dashboard, mpv: Mpv) -> None:
    await dashboard.wait_for_text("The Reason")
    took = [await measure_command(dashboard, name) for name in ("Pause", "Play") * 3]
    await dashboard.page.get_by_role("button", name="Pause").tap()
    mpv.wait_for("pause", True)

    assert median(took) <= patiently(150)


async def test_player_obeys_next_previous_and_stop(dashboard: Dashboard, mpv: Mpv) -> None:
    await dashboard.wait_for_text("The Reason")
    await dashboard.button("Next track").tap()
    await dashboard.wait_for_text("Going Under")
    await dashboard.wait_for("!document.querySelector('[aria-busy=true]')")
    await dashboard.button("Previous track").tap()
    await dashboard.wait_for_text("The Reason")
    await dashboard.wait_for("!document.querySelector('[aria-busy=true]')")
    await dashboard.button("Stop").tap()
    mpv.wait_for_end()
    await dashboard.wait_for_text("Nothing is playing")


async def test_progress_bar_moves_in_small_steps_between_readings(
    dashboard: Dashboard, mpv: Mpv
) -> None:
    await dashboard.wait_for_text("The Reason")
    mpv.command("seek", 100, "absolute")
    await dashboard.wait_for("/^1:4/.test(document.querySelector('.times span').textContent)")
    places = await dashboard.page.evaluate(
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


async def test_tab_key_and_swipe_select_a_player_and_the_playing_one_is_first(
    dashboard: Dashboard, mpv: Mpv, bus: PrivateBus, media: Media
) -> None:
    await dashboard.wait_for_text("The Reason")
    with Mpv(bus, [media.second.file]) as second:
        tabs = dashboard.page.get_by_role("tab")
        await dashboard.wait_for("document.querySelectorAll('[role=tab]').length === 2")
        mpv.set("pause", True)
        await dashboard.wait_for("/^mpv 2/.test(document.querySelector('[role=tab]').innerText)")
        await dashboard.wait_for_text("Going Under")

        await tabs.nth(1).click()
        await dashboard.wait_for_text("The Reason")
        await dashboard.page.keyboard.press("ArrowLeft")
        await dashboard.wait_for_text("Going Under")
        await swipe(dashboard, -150)
        await dashboard.wait_for_text("The Reason")
        await swipe(dashboard, 150)
        await dashboard.wait_for_text("Going Under")
        await dashboard.button("Pause").tap()
        second.wait_for("pause", True)

    await dashboard.wait_for_text("The Reason")
    assert mpv.get("pause") is True


async def test_keyboard_alone_controls_the_player(dashboard: Dashboard, mpv: Mpv) -> None:
    await dashboard.wait_for_text("The Reason")
    seen = []
    for _ in range(8):
        await dashboard.page.keyboard.press("Tab")
        name = await dashboard.page.evaluate("document.activeElement.ariaLabel")
        outline = await dashboard.page.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle"
        )
        seen.append((name, outline))
        if name == "Pause":
            break
    await dashboard.page.keyboard.press("Space")
    mpv.wait_for("pause", True)
    await dashboard.button("Play").wait_for()
    focused_after = await dashboard.page.evaluate("document.activeElement.ariaLabel")

    assert seen[-1] == ("Pause", "solid"), seen
    assert focused_after == "Play", "the focus stays on the button"


async def test_watcher_sees_no_controls(browser: Browser, daemon: Daemon, mpv: Mpv) -> None:
    daemon.secrets.add(MONITOR_PASSWORD)
    words = ("users", "add", "monitor", "--password-stdin", "--scope", "monitor")
    assert daemon.run(*words, given=MONITOR_PASSWORD + "\n").returncode == 0
    async with browser.open(daemon) as dashboard:
        await dashboard.open()
        await dashboard.log_in("monitor", MONITOR_PASSWORD)
        await dashboard.wait_for_text("The Reason")
        await dashboard.wait_for("document.querySelectorAll('li').length > 2")
        buttons = await dashboard.page.locator("main button:visible").count()
        sliders = await dashboard.page.get_by_role("slider").count()
        bars = await dashboard.page.get_by_role("progressbar").count()

    assert (buttons, sliders, bars) == (0, 0, 1)
    assert mpv.get("pause") is False


async def test_progress_bar_seeks_by_keyboard_and_pointer(dashboard: Dashboard, mpv: Mpv) -> None:
    await dashboard.wait_for_text("The Reason")
    mpv.command("seek", 10, "absolute")
    slider = dashboard.page.get_by_role("slider", name="Progress")
    await dashboard.wait_for("/^0:1/.test(document.querySelector('.times span').textContent)")
    await slider.focus()
    await dashboard.page.keyboard.press("ArrowRight")
    await until_async(lambda: 14 <= mpv.get("time-pos") < 20)
    box = await slider.bounding_box()
    assert box is not None
    await dashboard.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await until_async(lambda: abs(mpv.get("time-pos") - 116) < 6)
    await dashboard.wait_for("/^(1:5|2:0)/.test(document.querySelector('.times span').textContent)")


async def test_first_visit_is_small_quick_and_contacts_only_the_desk(
    browser: Browser, daemon: Daemon
) -> None:
    async with browser.open(daemon) as dashboard:
        visit = await first_visit(dashboard)
        requests, violations = dashboard.requests, await dashboard.csp_violations()

    assert {address.split("/")[2] for address in requests} == {daemon.address.split("/")[2]}
    assert visit.transferred <= 90 * 1024
    assert visit.ready <= patiently(1000)
    assert violations == []


async def test_foreign_site_cannot_use_the_login(browser: Browser, daemon: Daemon) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.open_and_log_in()
        other = await dashboard.page.context.new_page()
        port = daemon.address.rsplit(":", 1)[1]
        await other.goto(f"https://localhost:{port}/")
        tries = [
            await other.evaluate(
                f"""async () => {{
                  try {{
                    const given = await fetch("{daemon.address}{path}",
                                              {{credentials: "include", method: "{method}"}});
                    return given.status;
                  }} catch {{ return "stopped"; }}
                }}"""
            )
            for method, path in (("GET", "/v1/websocket"), ("POST", "/v1/page/logout"))
        ]
        await dashboard.open(state="live")

    assert tries == ["stopped", "stopped"]


async def accent(dashboard: Dashboard) -> str:
    colour: str = await dashboard.page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
    )
    return colour


async def swipe(dashboard: Dashboard, by: int) -> None:
    """Swipe with one finger across the cover."""
    session = await dashboard.page.context.new_cdp_session(dashboard.page)
    x, y = (100, 250) if by > 0 else (260, 250)
    await session.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for step in range(1, 6):
        at = [{"x": x + by * step / 5, "y": y}]
        await session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": at})
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await session.detach()
