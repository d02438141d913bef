import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.cpu import CpuDevice, Times, UsageMeter, busy_percent, parse_stat
from deskwire.devices.kernel.kernel_file import Roots
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Cpu
from deskwire.model.units import Percent, Seconds
from tests.support.devices import captured, copied, next_reading, resources
from tests.support.time_scaling import patiently

EVERY = Seconds(1.0)


def at(seconds: float) -> Seconds:
    return Seconds(seconds)


def test_waiting_for_a_disk_is_idle_and_stolen_time_is_busy() -> None:
    times = parse_stat(b"cpu  100 20 30 4000 500 6 7 80 0 0\ncpu0 1 1 1 1\n")

    assert times == Times(busy=100 + 20 + 30 + 6 + 7 + 80, idle=4000 + 500)


def test_guest_time_is_inside_user_time_and_counts_once() -> None:
    with_guest = parse_stat(b"cpu  100 20 30 4000 500 6 7 80 90 15\n")

    assert with_guest.busy == 243


def test_an_old_kernel_with_four_columns_is_understood() -> None:
    assert parse_stat(b"cpu  1 2 3 4\n") == Times(busy=6, idle=4)


@pytest.mark.parametrize("text", [b"", b"cpu", b"cpu0 1 2 3 4", b"cpu 1 2 x 4", b"intr 1 2 3 4"])
def test_malformed_stat_is_refused(text: bytes) -> None:
    with pytest.raises(DeviceUnavailable):
        parse_stat(text)


@given(st.binary())
def test_any_bytes_are_times_or_refused(text: bytes) -> None:
    try:
        times = parse_stat(text)
    except DeviceUnavailable:
        return

    assert all(isinstance(ticks, int) for ticks in times)


def test_a_quarter_of_the_ticks_busy_is_25_percent() -> None:
    assert busy_percent(Times(1000, 5000), Times(1050, 5150)) == 25.0


def test_ticks_that_stand_still_are_not_busy() -> None:
    assert busy_percent(Times(1000, 5000), Times(1000, 5000)) == 0.0


def test_iowait_going_back_a_little_is_fully_busy_and_no_more() -> None:
    assert busy_percent(Times(1000, 5000), Times(1040, 4999)) == 100.0


@given(*[st.integers(0, 2**64)] * 4)
def test_a_percentage_is_within_0_and_100(a: int, b: int, c: int, d: int) -> None:
    percent = busy_percent(Times(a, b), Times(c, d))

    assert percent is None or 0.0 <= percent <= 100.0


def test_processors_that_went_offline_in_a_suspend_make_no_spike() -> None:
    meter = UsageMeter(Times(1000, 90_000), at(0))
    before = meter.take(Times(1020, 90_180), at(1))
    asleep = meter.take(Times(1060, 22_000), at(2))
    after = meter.take(Times(1110, 22_050), at(3))

    assert (before, asleep, after) == (10.0, 10.0, 50.0)


def test_reset_counters_cause_no_spike() -> None:
    meter = UsageMeter(Times(1000, 90_000), at(0))
    before = meter.take(Times(1020, 90_180), at(1))

    assert meter.take(Times(3, 90_200), at(2)) == before


def test_an_interval_too_short_to_measure_goes_on() -> None:
    meter = UsageMeter(Times(0, 0), at(0))
    first = meter.take(Times(10, 10), at(0.2))
    too_short = meter.take(Times(13, 10), at(0.21))
    whole = meter.take(Times(20, 100), at(1.2))

    assert (first, too_short, whole) == (50.0, 50.0, 10.0)


def test_counters_that_go_back_before_anything_is_known_are_unavailable() -> None:
    meter = UsageMeter(Times(1000, 90_000), at(0))
    with pytest.raises(DeviceUnavailable, match="decreased"):
        meter.take(Times(0, 0), at(0.2))


@pytest.mark.warped
async def test_the_first_reading_measures_at_least_a_fifth_of_a_second() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with aclosing(CpuDevice(resources(interval=EVERY)).watch()) as readings:
        first = await next_reading(readings)

    assert 0.2 <= loop.time() - began < patiently(0.4)
    assert first is not None
    assert 0.0 <= first.busy <= 100.0


@pytest.fixture
def _all_processors_at_work() -> Iterator[None]:
    spinners = [
        subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count() or 1)
    ]
    yield
    for spinner in spinners:
        spinner.kill()
        spinner.wait()


@pytest.mark.usefixtures("_all_processors_at_work")
async def test_a_machine_at_work_is_as_busy_as_its_kernel_says() -> None:
    stat = Roots().proc / "stat"
    before = parse_stat(stat.read_bytes())
    async with aclosing(CpuDevice(resources(interval=EVERY)).watch()) as readings:
        first = await next_reading(readings)
    after = parse_stat(stat.read_bytes())

    assert first is not None
    assert first.busy == pytest.approx(busy_percent(before, after), abs=25)
    assert first.busy > 0


@pytest.mark.warped
async def test_a_captured_machine_that_stands_still_is_not_busy() -> None:
    async with aclosing(
        CpuDevice(resources(roots=captured("laptop"), interval=EVERY)).watch()
    ) as readings:
        assert await next_reading(readings) == Cpu(busy=Percent(0.0))


@pytest.mark.warped
async def test_each_reading_is_of_the_interval_since_the_one_before(tmp_path: Path) -> None:
    roots = copied("laptop", tmp_path)
    stat = roots.proc / "stat"
    stat.write_text("cpu  1000 0 0 5000 0 0 0 0 0 0\n")
    async with aclosing(
        CpuDevice(resources(roots=roots, interval=Seconds(0.3))).watch()
    ) as readings:
        first = await next_reading(readings)
        stat.write_text("cpu  1030 0 0 5070 0 0 0 0 0 0\n")
        second = await next_reading(readings)
        stat.write_text("cpu  1120 0 0 5080 0 0 0 0 0 0\n")
        third = await next_reading(readings)

    assert [each and each.busy for each in (first, second, third)] == [0.0, 30.0, 90.0]


async def test_a_machine_without_the_file_is_unavailable(tmp_path: Path) -> None:
    async with aclosing(
        CpuDevice(resources(roots=Roots(proc=tmp_path), interval=EVERY)).watch()
    ) as readings:
        with pytest.raises(DeviceUnavailable, match="stat cannot be read"):
            await next_reading(readings)


@pytest.mark.warped
async def test_a_watch_that_ends_closes_its_file() -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - a list of names is all it takes
    readings = CpuDevice(resources(interval=EVERY)).watch()
    await next_reading(readings)
    await readings.aclose()

    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208 - as above
