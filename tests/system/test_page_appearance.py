"""Layout and accessibility of the page: sizes, colour schemes, languages, axe-core.

Set DESKWIRE_PICTURES to a folder to save a screenshot of each tested layout there.
"""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.buses import PrivateBus
from tests.support.fake_player import FakePlayer, metadata
from tests.support.full_desktop import full_desktop
from tests.support.media import Media
from tests.support.page import PHONE, TABLET, WIDE, Browser, Dashboard
from tests.support.programs import Daemon

pytestmark = pytest.mark.asyncio(loop_scope="module")

PICTURES = os.environ.get("DESKWIRE_PICTURES")
SMALLEST = (320, 568)
LARGEST = (3840, 2160)
SMALL_TARGETS = """[...document.querySelectorAll("button, input")].filter((one) => {
  const { width, height } = one.getBoundingClientRect();
  return width < 44 || height < 44;
}).map((one) => one.outerHTML)"""
TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"
TOO_HIGH = "document.documentElement.scrollHeight > innerHeight"
TILES = "[...document.querySelectorAll('main li h3')].map((one) => one.firstChild.textContent)"
SCRIPT = "<script>document.title = 'broken into'</script>"
HEBREW = "שיר של יום חולין"
LONG = "A title that goes on and on and does not end where other titles end. " * 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(media: Media, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    async with full_desktop(media, tmp_path_factory.mktemp("everything")) as there:
        with there.daemon() as daemon:
            yield daemon


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(browser: Browser) -> AsyncIterator[tuple[PrivateBus, Daemon]]:
    """Lend a desk with a session bus and no optional device."""
    off = "wifi,battery,volume,backlight"
    with PrivateBus() as bus, Daemon(buses=[bus], settings={"devices_disabled": off}) as daemon:
        yield bus, daemon


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_page_fits_every_size_without_small_targets(
    browser: Browser, daemon: Daemon, scheme: str
) -> None:
    async with browser.open(daemon, color_scheme=scheme) as dashboard:
        await dashboard.open_and_log_in()
        await dashboard.wait_for("document.querySelector('main img')?.naturalWidth")
        await dashboard.wait_for("document.querySelectorAll('.uplot canvas').length === 6")
        for size in (SMALLEST, PHONE, TABLET, WIDE, LARGEST):
            await dashboard.page.set_viewport_size({"width": size[0], "height": size[1]})
            await dashboard.page.evaluate("new Promise(requestAnimationFrame)")
            await save_picture(dashboard, f"{size[0]}x{size[1]}-{scheme}")

            assert await dashboard.page.evaluate(SMALL_TARGETS) == []
            assert not await dashboard.page.evaluate(TOO_WIDE), size
            if size == LARGEST:
                assert not await dashboard.page.evaluate(TOO_HIGH)
            if size in {PHONE, WIDE}:
                assert await dashboard.axe_violations() == [], size


async def test_each_device_has_a_tile(browser: Browser, daemon: Daemon) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.open_and_log_in()
        await dashboard.wait_for(f"{TILES}.length === 9")  # some readings arrive later
        tiles = await dashboard.page.evaluate(TILES)
        texts = await dashboard.page.locator("main ul").all_inner_texts()

    assert tiles == [
        *("CPU", "Network", "Memory", "Disk"),
        *("Volume", "Brightness", "Battery", "Wi-Fi", "Uptime"),
    ]
    words = " ".join(" ".join(texts).split())
    assert "88 %" in words.replace("88%", "88 %")
    assert "Bazinga! 5G" in words
    assert "plugged in" in words


async def test_missing_devices_have_no_tile(
    browser: Browser, bare: tuple[PrivateBus, Daemon]
) -> None:
    _, daemon = bare
    async with browser.open(daemon) as dashboard:
        await dashboard.open_and_log_in()
        tiles = await dashboard.page.evaluate(TILES)
        await dashboard.wait_for_text("Nothing is playing")
        faults = await dashboard.axe_violations()

    assert tiles == ["CPU", "Network", "Memory", "Disk", "Uptime"]
    assert faults == []


async def test_unusual_titles_are_shown_as_text(
    browser: Browser, bare: tuple[PrivateBus, Daemon]
) -> None:
    bus, daemon = bare
    playing = {"Identity": "odd", "PlaybackStatus": "Playing"}
    async with (
        FakePlayer(bus, "odd", Metadata=metadata(title=SCRIPT, artist=[HEBREW]), **playing) as odd,
        browser.open(daemon, SMALLEST) as dashboard,
    ):
        await dashboard.open_and_log_in()
        await dashboard.wait_for_text(SCRIPT)
        name = await dashboard.page.title()
        scripts = await dashboard.page.evaluate("document.querySelectorAll('main script').length")
        await odd.change(Metadata=metadata(title=HEBREW, artist=["Ensemble"]))
        await dashboard.wait_for(
            f"document.querySelector('main h2').innerText === {json.dumps(HEBREW)}"
        )
        hebrew = await dashboard.page.evaluate(
            "getComputedStyle(document.querySelector('main h2')).direction"
        )
        await odd.change(Metadata=metadata(title=LONG, artist=[LONG], album=LONG))
        await dashboard.wait_for(
            "document.querySelector('main h2').innerText.startsWith('A title')"
        )
        too_wide = await dashboard.page.evaluate(TOO_WIDE)
        height = await dashboard.page.evaluate("document.querySelector('main h2').clientHeight")
        faults = await dashboard.axe_violations()

    assert "broken into" not in name.replace(SCRIPT, "")
    assert scripts == 0
    assert hebrew == "rtl"
    assert not too_wide
    assert height < 100
    assert faults == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_login_form_is_accessible(browser: Browser, daemon: Daemon, scheme: str) -> None:
    async with browser.open(daemon, SMALLEST, color_scheme=scheme) as dashboard:
        await dashboard.open()
        await dashboard.page.get_by_label("Name").wait_for()
        await save_picture(dashboard, f"login-{scheme}")
        faults = await dashboard.axe_violations()
        small = await dashboard.page.evaluate(SMALL_TARGETS)
        too_wide = await dashboard.page.evaluate(TOO_WIDE)

    assert faults == []
    assert small == []
    assert not too_wide


async def test_german_browser_gets_the_german_page(browser: Browser, daemon: Daemon) -> None:
    async with browser.open(daemon, locale="de-AT") as dashboard:
        await dashboard.open()
        await dashboard.page.get_by_role("button", name="Anmelden").wait_for()
        await dashboard.page.get_by_label("Name").fill("owner")
        await dashboard.page.get_by_label("Passwort", exact=True).fill(daemon.owner_password)
        await dashboard.page.keyboard.press("Enter")
        await dashboard.wait_for_state("live")
        tiles = await dashboard.page.evaluate(TILES)
        language = await dashboard.page.evaluate("document.documentElement.lang")

    assert "Lautstärke" in tiles
    assert language == "de"


@pytest.mark.parametrize("tag", ["C", "en-US@posix", ""])
async def test_invalid_browser_language_keeps_the_sparklines(
    browser: Browser, daemon: Daemon, tag: str
) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.page.add_init_script(
            f"""
            Object.defineProperty(Navigator.prototype, "language", {{ get: () => "{tag}" }});
            Object.defineProperty(Navigator.prototype, "languages", {{ get: () => ["{tag}"] }});
            """
        )
        await dashboard.open_and_log_in()
        await dashboard.wait_for("document.querySelectorAll('.uplot canvas').length === 6")
        language = await dashboard.page.evaluate("document.documentElement.lang")

    assert language == "en"


async def test_reduced_motion_stops_all_animations(browser: Browser, daemon: Daemon) -> None:
    async with browser.open(daemon, reduced_motion="reduce") as dashboard:
        await dashboard.open_and_log_in()
        await dashboard.wait_for("document.querySelector('main img')?.naturalWidth")
        moving = await dashboard.page.evaluate(
            "document.getAnimations().filter((each) => each.effect.getTiming().duration > 1).length"
        )

    assert moving == 0


async def test_live_regions_announce_track_and_state_once(browser: Browser, daemon: Daemon) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.open_and_log_in()
        announced = await dashboard.page.evaluate(
            """async () => {
              const announced = [];
              const watch = new MutationObserver((changes) => {
                for (const { target } of changes) {
                  const live = target.parentElement?.closest("[role=status], [role=alert]");
                  if (live) announced.push(live.textContent);
                }
              });
              watch.observe(document.body, { subtree: true, childList: true, characterData: true });
              await new Promise((done) => setTimeout(done, 3500));
              return announced;
            }"""
        )
        last = await dashboard.page.locator("[role=status]").all_inner_texts()

    assert sorted(last) == ["Live", "The Reason, Hoobastank"]
    assert len(announced) <= 2, announced


async def test_page_can_be_installed(browser: Browser, daemon: Daemon) -> None:
    async with browser.open(daemon) as dashboard:
        await dashboard.open()
        await dashboard.page.get_by_label("Name").wait_for()
        session = await dashboard.page.context.new_cdp_session(dashboard.page)
        manifest = await session.send("Page.getAppManifest")
        faults = await session.send("Page.getInstallabilityErrors")

    assert manifest["errors"] == []
    assert '"display": "standalone"' in manifest["data"]
    wrong = {each["errorId"] for each in faults["installabilityErrors"]} - {"in-incognito"}
    assert wrong == set()


async def save_picture(dashboard: Dashboard, name: str) -> None:
    """Save a screenshot if DESKWIRE_PICTURES names a folder."""
    if PICTURES:
        await dashboard.page.evaluate("document.fonts.ready")
        await dashboard.page.screenshot(path=Path(PICTURES, f"{name}.png"))
