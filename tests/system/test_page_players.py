"""Players on the page: layout and selection with scripted readings, in a real browser."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.support.page import WIDE, Browser, Dashboard, Reading
from tests.support.programs import Daemon

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOUBLE_SIZE = "--blink-settings=defaultFontSize=32"
NARROW = (390, 844)
SIZES = [(320, 568), NARROW, (820, 1180), WIDE]
DEVICES = {
    "wifi": {"ssid": "A long name of a network", "connected": True},
    "battery": {"percentage": 99, "plugged_in": True},
    "volume": 88,
    "backlight": 64,
}
LONG = "A title that goes on and on and does not end where other titles end. " * 3


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon() as daemon:
        yield daemon


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


def player(number: int, name: str = "", **more: object) -> Reading:
    """Make a player as the desk sends it."""
    return {
        "id": f"player{number}",
        "name": name or f"Music player {number}",
        "playing": False,
        "artist": f"Artist {number}",
        "title": f"Title {number}",
        "timestamp": 10,
        "duration": 200,
        **more,
    }


def reading(*players: Reading, **more: object) -> Reading:
    """Make a reading with these players."""
    return {
        "memory_bytes": 8_000_000_000,
        "cpu_absolute": 20.0,
        "disk_bytes": 200_000_000_000,
        "network": {"rx_bytes": 1000, "tx_bytes": 1000},
        "uptime": 1,
        "audio": list(players),
        **more,
    }


async def widths(dashboard: Dashboard) -> tuple[int, int]:
    """Return the width that the page takes, and the width of the window."""
    width, window = await dashboard.page.evaluate(
        "[document.documentElement.scrollWidth, innerWidth]"
    )
    return width, window


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}")
@pytest.mark.parametrize("count", [4, 8])
async def test_many_players_do_not_make_the_page_scroll_sideways(
    browser: Browser, daemon: Daemon, size: tuple[int, int], count: int
) -> None:
    async with browser.open(daemon, size) as dashboard:
        await dashboard.script_readings(reading(*(player(n + 1) for n in range(count))))
        await dashboard.wait_for(f"document.querySelectorAll('[role=tab]').length === {count}")
        width, window = await widths(dashboard)

    assert width == window


async def test_hidden_tabs_fade_out_and_the_selected_tab_is_visible(
    browser: Browser, daemon: Daemon
) -> None:
    async with browser.open(daemon, NARROW) as dashboard:
        await dashboard.script_readings(reading(*(player(n + 1) for n in range(6))))
        await dashboard.wait_for("document.querySelectorAll('[role=tab]').length === 6")
        await dashboard.wait_for("document.querySelector('[role=tablist].after:not(.before)')")
        mask = await dashboard.page.evaluate(
            "getComputedStyle(document.querySelector('[role=tablist]')).maskImage"
        )
        await dashboard.page.get_by_role("tab").first.focus()
        await dashboard.page.keyboard.press("End")
        await dashboard.wait_for("document.querySelector('[role=tablist].before:not(.after)')")
        right = await dashboard.page.evaluate(
            "document.querySelector('[aria-selected=true]').getBoundingClientRect().right"
        )

    assert "linear-gradient" in mask
    assert right <= NARROW[0]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}")
async def test_stop_is_the_first_button_at_every_size(
    browser: Browser, daemon: Daemon, size: tuple[int, int]
) -> None:
    async with browser.open(daemon, size) as dashboard:
        await dashboard.script_readings(reading(player(1, playing=True)))
        await dashboard.button("Stop").wait_for()
        names, places = await dashboard.page.evaluate(
            """() => {
              const buttons = [...document.querySelectorAll(".controls button")];
              return [
                buttons.map((button) => button.ariaLabel),
                buttons.map((button) => button.getBoundingClientRect().left),
              ];
            }"""
        )

    assert names == ["Stop", "Previous track", "Pause", "Next track"]
    assert places == sorted(places)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}")
async def test_text_of_double_size_does_not_make_the_page_scroll_sideways(
    daemon: Daemon, size: tuple[int, int]
) -> None:
    async with Browser(DOUBLE_SIZE) as browser, browser.open(daemon, size) as dashboard:
        await dashboard.open()
        await dashboard.page.get_by_label("Name").wait_for()
        login = await widths(dashboard)
        await dashboard.script_readings(reading(*(player(n + 1) for n in range(3)), **DEVICES))
        await dashboard.button("Stop").wait_for()
        font = await dashboard.page.evaluate("getComputedStyle(document.documentElement).fontSize")
        live = await widths(dashboard)
        await dashboard.page.evaluate("sockets.at(-1).onclose({ code: 1001 })")
        await dashboard.button("Try now").wait_for()
        away = await widths(dashboard)

    assert float(font.removesuffix("px")) >= 32
    assert login[0] == login[1]
    assert live[0] == live[1]
    assert away[0] == away[1]


async def test_live_region_names_no_track_after_the_log_out(
    browser: Browser, daemon: Daemon
) -> None:
    regions = "[...document.querySelectorAll('[role=status]')].map((one) => one.textContent).join()"
    async with browser.open(daemon) as dashboard:
        await dashboard.script_readings(reading(player(1, playing=True)))
        await dashboard.wait_for(f"{regions}.includes('Title 1')")
        await dashboard.button("Log out").click()
        await dashboard.wait_for_text("You are logged out.")
        after = await dashboard.page.evaluate(regions)

    assert "Title 1" not in after


async def test_notice_has_a_space_after_the_name_of_the_player(
    browser: Browser, daemon: Daemon
) -> None:
    error = '{ event: "error", args: [\'{"code":"not_supported","message":""}\'] }'
    async with browser.open(daemon) as dashboard:
        await dashboard.script_readings(reading(player(1, "mpv", playing=True)))
        await dashboard.button("Pause").click()
        await dashboard.page.evaluate(
            f"sockets.at(-1).onmessage({{ data: JSON.stringify({error}) }})"
        )
        notice = await dashboard.page.locator(".notice span").inner_text()

    assert notice == "mpv: This player cannot do that."


async def test_long_title_can_be_read_in_full_by_touch(browser: Browser, daemon: Daemon) -> None:
    long = player(1, title=LONG, artist=LONG, album=LONG)
    clipped = """[...document.querySelectorAll(".track > *")].some((line) =>
      line.scrollHeight > line.clientHeight + 1 || line.scrollWidth > line.clientWidth + 1)"""
    async with browser.open(daemon, NARROW, has_touch=True) as dashboard:
        await dashboard.script_readings(reading(long))
        button = dashboard.button("Show full title")
        await button.wait_for()
        small = await dashboard.page.evaluate(clipped)
        await button.tap()
        await dashboard.wait_for(f"!({clipped})")
        faults = await dashboard.axe_violations()
        width, window = await widths(dashboard)
        await dashboard.show(reading(player(1)))
        await dashboard.wait_for_text("Title 1")
        buttons = await dashboard.page.get_by_role("button").all_inner_texts()

    assert small
    assert faults == []
    assert width == window
    assert "Show less" not in buttons
    assert "Show full title" not in buttons


async def test_chosen_player_stays_through_a_gap_and_takes_no_command_meanwhile(
    browser: Browser, daemon: Daemon
) -> None:
    firefox, mpv = player(1, "Firefox"), player(2, "mpv", playing=True)
    async with browser.open(daemon) as dashboard:
        await dashboard.script_readings(reading(firefox, mpv))
        await dashboard.page.get_by_role("tab", name="Firefox").click()
        await dashboard.wait_for_text("Title 1")
        await dashboard.show(reading(mpv))
        await dashboard.button("Next track").click(force=True)
        title = await dashboard.page.locator("main h2").first.inner_text()
        disabled = await dashboard.button("Next track").get_attribute("aria-disabled")
        await dashboard.show(reading({**firefox, "title": "Title 3"}, mpv))
        await dashboard.wait_for_text("Title 3")
        await dashboard.button("Next track").click()
        await dashboard.wait_for("sent.length > 0")
        sent = await dashboard.page.evaluate("sent")

    assert (title, disabled) == ("Title 1", "true")
    assert sent == ["audio-next player1"]


async def test_chosen_player_is_remembered_across_a_reload_and_a_restart(
    browser: Browser, daemon: Daemon
) -> None:
    one, two = player(1, "mpv", playing=True), player(2, "mpv", playing=True)
    async with browser.open(daemon) as dashboard:
        await dashboard.script_readings(reading(one, two))
        await dashboard.page.get_by_role("tab").nth(1).click()
        await dashboard.wait_for_text("Title 2")
        await dashboard.open(state="live")
        await dashboard.wait_for_text("Title 2")
        await dashboard.page.evaluate("sockets.at(-1).onclose({ code: 1001 })")
        await dashboard.page.evaluate(
            "(next) => { window.reading = next }",
            reading({**two, "id": "player1"}, {**one, "id": "player2"}),
        )
        await dashboard.wait_for_state("live")
        after_restart = await dashboard.page.locator("main h2").first.inner_text()
        tabs = await dashboard.page.locator("[role=tab] .name").all_inner_texts()
        await dashboard.button("Log out").click()
        await dashboard.wait_for_text("You are logged out.")
        stored = await dashboard.page.evaluate("({ ...sessionStorage })")

    assert after_restart == "Title 2"
    assert tabs == ["mpv", "mpv 2"]
    assert stored == {}
