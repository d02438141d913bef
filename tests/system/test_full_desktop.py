"""A desk that has everything, as a screen and as a person at the terminal see it; what it costs.

Processor time is measured by `make bench-watching`; asserted here is what no machine's speed
changes.
"""

import json
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.client import Client
from tests.support.full_desktop import full_desktop
from tests.support.media import Media
from tests.support.processes import resident_mib, wake_ups
from tests.support.programs import Daemon, run
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGEST_MIB = 60
LONG_ENOUGH = 3.0
CLOSE_TIMEOUT = 2.0
WHOLE = {
    *("memory_bytes", "cpu_absolute", "network", "uptime", "disk_bytes", "audio"),
    *("wifi", "battery", "volume", "backlight"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(media: Media, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    async with full_desktop(media, tmp_path_factory.mktemp("everything")) as there:
        with there.daemon() as desk:
            yield desk


async def test_first_snapshot_has_every_device(desk: Daemon) -> None:
    async with Client(desk) as client:
        delay, stats = await client.complete_stats(WHOLE)

    assert delay < patiently(0.3)
    assert set(stats) == WHOLE
    assert stats["wifi"] == {"ssid": "Bazinga! 5G", "connected": True}
    assert stats["battery"] == {"percentage": 100, "plugged_in": True}
    assert (stats["volume"], stats["backlight"]) == (88, 64)
    assert [told["title"] for told in stats["audio"]] == ["The Reason"]


async def test_kernel_readings_match_the_kernel(desk: Daemon) -> None:
    async with Client(desk) as client, client.watch() as screen:
        await screen.frame(lambda _: True, since=2)
        stats = await screen.stats()

    said = Path("/proc/meminfo").read_text(encoding="ascii")
    memory = dict(line.split(":") for line in said.splitlines())
    total, available = (
        int(memory[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable")
    )
    assert stats["memory_bytes"] == pytest.approx(total - available, rel=0.1)
    assert stats["uptime"] == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=3)
    assert 0 <= stats["cpu_absolute"] <= 100
    assert stats["network"]["rx_bytes"] >= 0
    assert stats["network"]["tx_bytes"] >= 0
    assert stats["disk_bytes"] > 0


async def test_numbers_have_the_types_of_the_contract(desk: Daemon) -> None:
    async with Client(desk) as client, client.watch() as screen:
        stats = await screen.stats()

    whole = {"memory_bytes", "uptime", "disk_bytes", "volume", "backlight"}
    assert {type(stats[name]) for name in whole} == {int}
    assert {type(number) for number in stats["network"].values()} == {int}
    assert set(stats["network"]) == {"rx_bytes", "tx_bytes"}
    assert isinstance(stats["cpu_absolute"], float)


async def test_snapshot_command_prints_every_device(desk: Daemon) -> None:
    said = await said_by(desk, ("snapshot", "--json"), WHOLE)

    stats = json.loads(said)
    assert set(stats) == WHOLE
    assert stats["wifi"] == {"ssid": "Bazinga! 5G", "connected": True}
    assert stats["battery"] == {"percentage": 100, "plugged_in": True}
    assert (stats["volume"], stats["backlight"]) == (88, 64)


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["plain", "json"])
async def test_doctor_names_every_device_and_its_source(
    desk: Daemon, form: tuple[str, ...]
) -> None:
    words = {"players", "volume", "battery", "UPower", "wifi", "NetworkManager", "backlight"}

    said = await said_by(desk, ("doctor", *form), words)

    assert "MPRIS on the session bus" in said
    if form:
        assert json.loads(said)["fine"] is True


async def said_by(desk: Daemon, command: tuple[str, ...], words: set[str]) -> str:
    """Return what a command says once all the words are in it.

    A command looks once and waits for nobody, and on a busy machine a service may answer late.
    """
    done: subprocess.CompletedProcess[str] | None = None

    def whole() -> str | None:
        nonlocal done
        done = run(*command, env=desk.env)
        fine = done.returncode == 0 and all(word in done.stdout for word in words)
        return done.stdout if fine else None

    try:
        return await until_async(whole, within=20)
    except AssertionError:
        raise AssertionError(f"{words} are not all in what it said: {done}") from None


async def test_daemon_with_every_device_in_use_stays_below_the_memory_limit(desk: Daemon) -> None:
    async with Client(desk) as client, client.watch() as screen:
        await screen.stats(lambda stats: set(stats) == WHOLE)
        used = resident_mib(desk.pid)

    assert used <= LARGEST_MIB


async def test_daemon_without_clients_is_idle(desk: Daemon) -> None:
    async with Client(desk) as client, client.watch() as screen:
        await screen.stats(lambda stats: set(stats) == WHOLE)
    await no_wake_up(desk, CLOSE_TIMEOUT)  # what was closed is let go by then
    before = wake_ups(desk.pid)
    await until_async(passing(LONG_ENOUGH), within=LONG_ENOUGH + 1)

    assert wake_ups(desk.pid) - before <= 2


async def no_wake_up(desk: Daemon, span: float) -> None:
    """Wait until there was no wake-up for so many seconds."""
    last, since = wake_ups(desk.pid), time.monotonic()

    def quiet() -> bool:
        nonlocal last, since
        if (now := wake_ups(desk.pid)) != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= span

    await until_async(quiet, within=10, what=f"no wake-up for {span:g} s")


def passing(span: float) -> Callable[[], bool]:
    """Return a condition that becomes true after so many seconds."""
    began = time.monotonic()
    return lambda: time.monotonic() - began >= span
