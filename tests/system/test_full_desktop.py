"""A daemon with every device, seen by a client and by commands, and its memory and wake-ups.

`make bench-watching` measures the CPU time, which depends on the machine.
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
IDLE_SPAN = 3.0
CLOSE_TIMEOUT = 2.0
ALL_KEYS = {
    *("memory_bytes", "cpu_absolute", "network", "uptime", "disk_bytes", "audio"),
    *("wifi", "battery", "volume", "backlight"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(media: Media, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    async with full_desktop(media, tmp_path_factory.mktemp("desktop")) as desktop:
        with desktop.daemon() as daemon:
            yield daemon


async def test_first_snapshot_has_every_device(daemon: Daemon) -> None:
    async with Client(daemon) as client:
        delay, stats = await client.complete_stats(ALL_KEYS)

    assert delay < patiently(0.3)
    assert set(stats) == ALL_KEYS
    assert stats["wifi"] == {"ssid": "Bazinga! 5G", "connected": True}
    assert stats["battery"] == {"percentage": 100, "plugged_in": True}
    assert (stats["volume"], stats["backlight"]) == (88, 64)
    assert [player["title"] for player in stats["audio"]] == ["The Reason"]


async def test_kernel_readings_match_the_kernel(daemon: Daemon) -> None:
    async with Client(daemon) as client, client.watch() as socket:
        await socket.frame(lambda _: True, since=2)
        stats = await socket.stats()

    content = Path("/proc/meminfo").read_text(encoding="ascii")
    memory = dict(line.split(":") for line in content.splitlines())
    total, available = (
        int(memory[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable")
    )
    assert stats["memory_bytes"] == pytest.approx(total - available, rel=0.1)
    assert stats["uptime"] == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=3)
    assert 0 <= stats["cpu_absolute"] <= 100
    assert stats["network"]["rx_bytes"] >= 0
    assert stats["network"]["tx_bytes"] >= 0
    assert stats["disk_bytes"] > 0


async def test_numbers_have_the_types_of_the_contract(daemon: Daemon) -> None:
    async with Client(daemon) as client, client.watch() as socket:
        stats = await socket.stats()

    whole = {"memory_bytes", "uptime", "disk_bytes", "volume", "backlight"}
    assert {type(stats[name]) for name in whole} == {int}
    assert {type(number) for number in stats["network"].values()} == {int}
    assert set(stats["network"]) == {"rx_bytes", "tx_bytes"}
    assert isinstance(stats["cpu_absolute"], float)


async def test_snapshot_command_prints_every_device(daemon: Daemon) -> None:
    output = await output_with(daemon, ("snapshot", "--json"), ALL_KEYS)

    stats = json.loads(output)
    assert set(stats) == ALL_KEYS
    assert stats["wifi"] == {"ssid": "Bazinga! 5G", "connected": True}
    assert stats["battery"] == {"percentage": 100, "plugged_in": True}
    assert (stats["volume"], stats["backlight"]) == (88, 64)


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["plain", "json"])
async def test_doctor_names_every_device_and_its_source(
    daemon: Daemon, form: tuple[str, ...]
) -> None:
    words = {"players", "volume", "battery", "UPower", "wifi", "NetworkManager", "backlight"}

    output = await output_with(daemon, ("doctor", *form), words)

    assert "MPRIS on the session bus" in output
    if form:
        assert json.loads(output)["fine"] is True


async def output_with(daemon: Daemon, command: tuple[str, ...], words: set[str]) -> str:
    """Run a command until all these words are in its output; return the output.

    A command reads each device once, and on a busy machine a service may answer late.
    """
    done: subprocess.CompletedProcess[str] | None = None

    def complete() -> str | None:
        nonlocal done
        done = run(*command, env=daemon.env)
        fine = done.returncode == 0 and all(word in done.stdout for word in words)
        return done.stdout if fine else None

    try:
        return await until_async(complete, within=20)
    except AssertionError:
        raise AssertionError(f"{words} are not all in the output: {done}") from None


async def test_daemon_with_every_device_in_use_stays_below_the_memory_limit(daemon: Daemon) -> None:
    async with Client(daemon) as client, client.watch() as socket:
        await socket.stats(lambda stats: set(stats) == ALL_KEYS)
        used = resident_mib(daemon.pid)

    assert used <= LARGEST_MIB


async def test_daemon_without_clients_is_idle(daemon: Daemon) -> None:
    async with Client(daemon) as client, client.watch() as socket:
        await socket.stats(lambda stats: set(stats) == ALL_KEYS)
    await no_wake_up(daemon, CLOSE_TIMEOUT)  # the closed connection is freed by then
    before = wake_ups(daemon.pid)
    await until_async(passing(IDLE_SPAN), within=IDLE_SPAN + 1)

    assert wake_ups(daemon.pid) - before <= 2


async def no_wake_up(daemon: Daemon, span: float) -> None:
    """Wait until there was no wake-up for this many seconds."""
    last, since = wake_ups(daemon.pid), time.monotonic()

    def quiet() -> bool:
        nonlocal last, since
        if (now := wake_ups(daemon.pid)) != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= span

    await until_async(quiet, within=10, what=f"no wake-up for {span:g} s")


def passing(span: float) -> Callable[[], bool]:
    """Return a condition that becomes true after this many seconds."""
    began = time.monotonic()
    return lambda: time.monotonic() - began >= span
