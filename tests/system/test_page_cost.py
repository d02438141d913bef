"""What a page costs that nobody touches, counted and not timed, so that no load can change it.

What it costs in time is measured on a quiet machine: `bench/page.py`.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.desk import Desk
from tests.support.full_desktop import everything
from tests.support.media import Media
from tests.support.page import PHONE, WIDE, Browser
from tests.support.page_measures import grown, work_for_a_reading

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 1024 * 1024
MOVING = "document.getAnimations().filter((one) => one.playState === 'running').length"
HOUR = 3600
READINGS = 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


async def test_an_hour_of_frames_leaves_nothing_behind(browser: Browser) -> None:
    with Desk() as desk:
        async with browser.screen(desk) as screen:
            more = await grown(screen, HOUR)
            words = await screen.page.locator("main h2").first.inner_text()

    assert words == "Track 18"
    assert more <= 5 * MIB


async def test_between_two_readings_the_browser_has_next_to_nothing_to_do(
    browser: Browser, media: Media, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with everything(media, tmp_path_factory.mktemp("everything")) as there:
        with there.desk() as desk:
            async with browser.screen(desk) as screen:
                await screen.enter()
                await screen.until("document.querySelector('main img')?.naturalWidth")
                await screen.until("document.querySelectorAll('.uplot canvas').length === 7")
                await screen.until(f"{MOVING} === 0")
                for width, height in (PHONE, WIDE):
                    await screen.page.set_viewport_size({"width": width, "height": height})
                    work = await work_for_a_reading(browser, screen, READINGS)

                    assert 1 <= work.frames <= 3, work
                    assert 1 <= work.draws <= 3, work
                    assert work.layouts <= 2, work
                    assert work.rasters <= 12, work
