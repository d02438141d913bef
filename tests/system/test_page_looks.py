"""How the page looks and sounds to everybody: every size, light and dark, odd words, axe-core.

With DESKWIRE_PICTURES in the environment, what was looked at is kept in that folder as pictures.
"""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.buses import PrivateBus
from tests.support.desk import Desk
from tests.support.fake_player import FakePlayer, metadata
from tests.support.full_desktop import everything
from tests.support.media import Media
from tests.support.page import PHONE, TABLET, WIDE, Browser, Screen

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
LONG = "A title that goes on and on and does not end where anybody would have ended it. " * 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(media: Media, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with everything(media, tmp_path_factory.mktemp("everything")) as there:
        with there.desk() as desk:
            yield desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(browser: Browser) -> AsyncIterator[tuple[PrivateBus, Desk]]:
    """Lend a desk with a bus and nothing else."""
    off = "wifi,battery,volume,backlight"
    with PrivateBus() as bus, Desk(buses=[bus], settings={"devices_disabled": off}) as desk:
        yield bus, desk


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_it_is_whole_at_every_size(browser: Browser, desk: Desk, scheme: str) -> None:
    async with browser.screen(desk, color_scheme=scheme) as screen:
        await screen.enter()
        await screen.until("document.querySelector('main img')?.naturalWidth")
        await screen.until("document.querySelectorAll('.uplot canvas').length === 7")
        for size in (SMALLEST, PHONE, TABLET, WIDE, LARGEST):
            await screen.page.set_viewport_size({"width": size[0], "height": size[1]})
            await screen.page.evaluate("new Promise(requestAnimationFrame)")
            await keep(screen, f"{size[0]}x{size[1]}-{scheme}")

            assert await screen.page.evaluate(SMALL_TARGETS) == []
            assert not await screen.page.evaluate(TOO_WIDE), size
            if size == LARGEST:
                assert not await screen.page.evaluate(TOO_HIGH)
            if size in {PHONE, WIDE}:
                assert await screen.faults_for_axe() == [], size


async def test_every_thing_of_the_desk_has_its_tile(browser: Browser, desk: Desk) -> None:
    async with browser.screen(desk) as screen:
        await screen.enter()
        tiles = await screen.page.evaluate(TILES)
        said = await screen.page.locator("main ul").all_inner_texts()

    assert tiles == [
        *("Processor", "Network", "Memory in use", "Disk used"),
        *("Volume", "Brightness", "Battery", "Wifi", "Running for"),
    ]
    words = " ".join(" ".join(said).split())
    assert "88 %" in words.replace("88%", "88 %")
    assert "Bazinga! 5G" in words
    assert "plugged in" in words


async def test_what_the_desk_does_not_have_is_not_there(
    browser: Browser, bare: tuple[PrivateBus, Desk]
) -> None:
    _, desk = bare
    async with browser.screen(desk) as screen:
        await screen.enter()
        tiles = await screen.page.evaluate(TILES)
        await screen.see("Nothing is playing")
        faults = await screen.faults_for_axe()

    assert tiles == ["Processor", "Network", "Memory in use", "Disk used", "Running for"]
    assert faults == []


async def test_a_title_is_words_whatever_is_in_it(
    browser: Browser, bare: tuple[PrivateBus, Desk]
) -> None:
    bus, desk = bare
    playing = {"Identity": "odd", "PlaybackStatus": "Playing"}
    async with (
        FakePlayer(bus, "odd", Metadata=metadata(title=SCRIPT, artist=[HEBREW]), **playing) as odd,
        browser.screen(desk, SMALLEST) as screen,
    ):
        await screen.enter()
        await screen.see(SCRIPT)
        name = await screen.page.title()
        scripts = await screen.page.evaluate("document.querySelectorAll('main script').length")
        await odd.change(Metadata=metadata(title=HEBREW, artist=["Ensemble"]))
        await screen.until(f"document.querySelector('main h2').innerText === {json.dumps(HEBREW)}")
        hebrew = await screen.page.evaluate(
            "getComputedStyle(document.querySelector('main h2')).direction"
        )
        await odd.change(Metadata=metadata(title=LONG, artist=[LONG], album=LONG))
        await screen.until("document.querySelector('main h2').innerText.startsWith('A title')")
        too_wide = await screen.page.evaluate(TOO_WIDE)
        height = await screen.page.evaluate("document.querySelector('main h2').clientHeight")
        faults = await screen.faults_for_axe()

    assert "broken into" not in name.replace(SCRIPT, "")
    assert scripts == 0
    assert hebrew == "rtl"
    assert not too_wide
    assert height < 100
    assert faults == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_the_login_is_good_for_everyone(browser: Browser, desk: Desk, scheme: str) -> None:
    async with browser.screen(desk, SMALLEST, color_scheme=scheme) as screen:
        await screen.go()
        await screen.page.get_by_label("Name").wait_for()
        await keep(screen, f"login-{scheme}")
        faults = await screen.faults_for_axe()
        small = await screen.page.evaluate(SMALL_TARGETS)
        too_wide = await screen.page.evaluate(TOO_WIDE)

    assert faults == []
    assert small == []
    assert not too_wide


async def test_it_speaks_german_to_whoever_reads_german(browser: Browser, desk: Desk) -> None:
    async with browser.screen(desk, locale="de-AT") as screen:
        await screen.go()
        await screen.page.get_by_role("button", name="Anmelden").wait_for()
        await screen.page.get_by_label("Name").fill("owner")
        await screen.page.get_by_label("Passwort", exact=True).fill(desk.owner_password)
        await screen.page.keyboard.press("Enter")
        await screen.is_state("live")
        tiles = await screen.page.evaluate(TILES)
        language = await screen.page.evaluate("document.documentElement.lang")

    assert "Lautstärke" in tiles
    assert language == "de"


async def test_nothing_moves_by_itself_for_who_does_not_want_it(
    browser: Browser, desk: Desk
) -> None:
    async with browser.screen(desk, reduced_motion="reduce") as screen:
        await screen.enter()
        await screen.until("document.querySelector('main img')?.naturalWidth")
        moving = await screen.page.evaluate(
            "document.getAnimations().filter((each) => each.effect.getTiming().duration > 1).length"
        )

    assert moving == 0


async def test_a_screen_reader_hears_the_track_and_the_state_once(
    browser: Browser, desk: Desk
) -> None:
    async with browser.screen(desk) as screen:
        await screen.enter()
        heard = await screen.page.evaluate(
            """async () => {
              const heard = [];
              const watch = new MutationObserver((changes) => {
                for (const { target } of changes) {
                  const live = target.parentElement?.closest("[role=status], [role=alert]");
                  if (live) heard.push(live.textContent);
                }
              });
              watch.observe(document.body, { subtree: true, childList: true, characterData: true });
              await new Promise((done) => setTimeout(done, 3500));
              return heard;
            }"""
        )
        kept = await screen.page.locator("[role=status]").all_inner_texts()

    assert sorted(kept) == ["Live", "The Reason, Hoobastank"]
    assert len(heard) <= 2, heard


async def test_it_can_be_installed(browser: Browser, desk: Desk) -> None:
    async with browser.screen(desk) as screen:
        await screen.go()
        await screen.page.get_by_label("Name").wait_for()
        session = await screen.page.context.new_cdp_session(screen.page)
        told = await session.send("Page.getAppManifest")
        faults = await session.send("Page.getInstallabilityErrors")

    assert told["errors"] == []
    assert '"display": "standalone"' in told["data"]
    wrong = {each["errorId"] for each in faults["installabilityErrors"]} - {"in-incognito"}
    assert wrong == set()


async def keep(screen: Screen, name: str) -> None:
    """Keep a picture, if somebody wants to look."""
    if PICTURES:
        await screen.page.evaluate("document.fonts.ready")
        await screen.page.screenshot(path=Path(PICTURES, f"{name}.png"))
