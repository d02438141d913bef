"""Cost of an idle page, counted and not timed, so that the load of the machine changes nothing.

Run `bench/page.py` on a quiet machine to measure the cost in time.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.full_desktop import full_desktop
from tests.support.media import Media
from tests.support.page import PHONE, WIDE, Browser
from tests.support.page_measures import heap_growth, work_per_reading
from tests.support.programs import Daemon

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 1024 * 1024
MOVING = "document.getAnimations().filter((one) => one.playState === 'running').length"
HOUR = 3600
READINGS = 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


async def test_hour_of_readings_does_not_grow_the_heap(browser: Browser) -> None:
    with Daemon() as daemon:
        async with browser.open(daemon) as dashboard:
            more = await heap_growth(dashboard, HOUR)
            words = await dashboard.page.locator("main h2").first.inner_text()

    assert words == "Track 18"
    assert more <= 5 * MIB


async def test_browser_is_nearly_idle_between_two_readings(
    browser: Browser, media: Media, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with full_desktop(media, tmp_path_factory.mktemp("everything")) as there:
        with there.daemon() as daemon:
            async with browser.open(daemon) as dashboard:
                await dashboard.open_and_log_in()
                await dashboard.wait_for("document.querySelector('main img')?.naturalWidth")
                await dashboard.wait_for("document.querySelectorAll('.uplot canvas').length === 6")
                await dashboard.wait_for(f"{MOVING} === 0")
                for width, height in (PHONE, WIDE):
                    await dashboard.page.set_viewport_size({"width": width, "height": height})
                    work = await work_per_reading(browser, dashboard, READINGS)

                    assert 1 <= work.frames <= 3, work
                    assert 1 <= work.draws <= 3, work
                    assert work.layouts <= 2, work
                    assert work.rasters <= 12, work
