"""Volume, mute and modes on the page, with a real sound server and a scripted player."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.buses import PrivateBus
from tests.support.fake_player import FakePlayer, metadata
from tests.support.page import Browser, Dashboard
from tests.support.programs import Daemon
from tests.support.sound_servers import Pulse
from tests.support.waiting import until_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

VALUE = "document.querySelector('[aria-label=Volume][type=range]').valueAsNumber"


@pytest.fixture(scope="module")
def pulse() -> Iterator[Pulse]:
    with Pulse() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bus() -> AsyncIterator[PrivateBus]:
    with PrivateBus() as bus:
        yield bus


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dashboard(pulse: Pulse, bus: PrivateBus) -> AsyncIterator[Dashboard]:
    env = {"PULSE_SERVER": pulse.address}
    with Daemon(buses=[bus], env=env) as daemon:
        async with Browser() as browser, browser.open(daemon) as dashboard:
            await dashboard.open_and_log_in()
            yield dashboard


async def test_slider_sets_the_volume_and_shows_that_of_other_programs(
    dashboard: Dashboard, pulse: Pulse
) -> None:
    pulse.pactl("set-sink-volume", "@DEFAULT_SINK@", "40%")
    await dashboard.wait_for(f"{VALUE} === 40")
    slider = dashboard.page.get_by_role("slider", name="Volume")
    await slider.focus()
    await dashboard.page.keyboard.press("ArrowUp")
    await until_async(lambda: "45%" in pulse.pactl("get-sink-volume", "@DEFAULT_SINK@"))
    await slider.fill("72")
    await until_async(lambda: "72%" in pulse.pactl("get-sink-volume", "@DEFAULT_SINK@"))
    pulse.pactl("set-sink-volume", "@DEFAULT_SINK@", "15%")
    await dashboard.wait_for(f"{VALUE} === 15")


async def test_mute_button_mutes_and_moving_the_slider_unmutes(
    dashboard: Dashboard, pulse: Pulse
) -> None:
    await dashboard.button("Mute").click()
    await until_async(lambda: "yes" in pulse.pactl("get-sink-mute", "@DEFAULT_SINK@"))
    await dashboard.page.get_by_role("button", name="Unmute", pressed=True).wait_for()
    await dashboard.page.get_by_role("slider", name="Volume").fill("50")
    await until_async(lambda: "no" in pulse.pactl("get-sink-mute", "@DEFAULT_SINK@"))
    await dashboard.button("Mute").wait_for()


async def test_modes_are_offered_only_where_the_player_has_them(
    dashboard: Dashboard, bus: PrivateBus
) -> None:
    more: dict[str, Any] = {"Shuffle": False, "LoopStatus": "None", "CanPlay": True}
    track = metadata(title="Modes", trackid="/t/1")
    async with FakePlayer(bus, "modes", Metadata=track, **more) as fake:
        await dashboard.wait_for_text("Modes")
        await dashboard.button("Shuffle").click()
        await until_async(lambda: "Set Shuffle True" in fake.calls)
        await dashboard.button("Repeat: off").click()
        await until_async(lambda: "Set LoopStatus Playlist" in fake.calls)
        await fake.change(LoopStatus="Track", Shuffle=True)
        await dashboard.button("Repeat: track").wait_for()
        await dashboard.page.get_by_role("button", name="Shuffle", pressed=True).wait_for()
    async with FakePlayer(bus, "plain", Metadata=metadata(title="Plain")):
        await dashboard.wait_for_text("Plain")
        count = await dashboard.page.get_by_role("button", name="Shuffle").count()
        progress = await dashboard.page.get_by_role("slider", name="Progress").count()

    assert (count, progress) == (0, 0)
