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


def ticks(busy: int, idle: int, iowait: int = 0, steal: int = 0) -> Times:
    return Times((busy, 0, 0, idle, iowait, 0, 0, steal))


def busy_within(before: Times, after: Times, passed: float = 1.0) -> float | None:
    return busy_percent(before, after, at(passed))


def test_waiting_for_a_disk_is_idle_and_stolen_time_is_busy() -> None:
    times = parse_stat(b"cpu  100 20 30 4000 500 6 7 80 0 0\ncpu0 1 1 1 1\n")

    assert (times.busy, times.idle) == (100 + 20 + 30 + 6 + 7 + 80, 4000 + 500)


def test_guest_time_is_inside_user_time_and_counts_once() -> None:
    with_guest = parse_stat(b"cpu  100 20 30 4000 500 6 7 80 90 15\n")

    assert with_guest.busy == 243


def test_an_old_kernel_with_four_columns_is_understood() -> None:
    times = parse_stat(b"cpu  1 2 3 4\n")

    assert (times.busy, times.idle) == (6, 4)


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

    assert all(isinstance(column, int) for column in times.ticks)


def test_a_quarter_of_the_ticks_busy_is_25_percent() -> None:
    assert busy_within(ticks(1000, 5000), ticks(1050, 5150)) == 25.0


def test_ticks_that_stand_still_are_not_busy() -> None:
    assert busy_within(ticks(1000, 5000), ticks(1000, 5000)) == 0.0


def test_iowait_going_back_a_little_is_fully_busy_and_no_more() -> None:
    assert busy_within(ticks(1000, 5000, 10), ticks(1040, 5000, 9)) == 100.0


def test_steal_going_back_takes_no_busy_time_away() -> None:
    assert busy_within(ticks(1000, 5000, steal=900), ticks(1040, 5040, steal=2)) == 50.0


@pytest.mark.parametrize(
    "column", [0, 1, 2, 3, 5, 6], ids=["user", "nice", "system", "idle", "irq", "softirq"]
)
def test_column_that_decreases_makes_the_interval_invalid(column: int) -> None:
    before = [1000] * 8
    after = [1010] * 8
    after[column] = 990

    assert busy_percent(parsed(*before), parsed(*after), at(1)) is None


@pytest.mark.parametrize("column", range(8))
def test_column_that_leaps_makes_the_interval_invalid(column: int) -> None:
    after = [1010] * 8
    after[column] += 1_000_000

    assert busy_percent(parsed(*[1000] * 8), parsed(*after), at(1)) is None


def test_long_interval_and_many_processors_have_as_many_ticks() -> None:
    many = Times((0,) * 8, processors=64)

    assert busy_percent(many, Times((6400, 0, 0, 6400, 0, 0, 0, 0), 64), at(2)) == 50.0
    assert busy_within(ticks(0, 0), ticks(30_000, 30_000), 600) == 50.0


def parsed(*columns: int) -> Times:
    return parse_stat(b"cpu " + b" ".join(str(column).encode() for column in columns))


@given(*[st.integers(0, 2**64)] * 4)
def test_a_percentage_is_within_0_and_100(a: int, b: int, c: int, d: int) -> None:
    percent = busy_within(ticks(a, b), ticks(c, d), 1e30)

    assert percent is None or 0.0 <= percent <= 100.0


def test_processors_that_went_offline_in_a_suspend_make_no_spike() -> None:
    meter = UsageMeter(ticks(1000, 90_000), at(0))
    before = meter.take(ticks(1020, 90_180), at(1))
    asleep = meter.take(ticks(1060, 22_000), at(2))
    after = meter.take(ticks(1110, 22_050), at(3))

    assert (before, asleep, after) == (10.0, 10.0, 50.0)


def test_reset_counters_cause_no_spike() -> None:
    meter = UsageMeter(ticks(1000, 90_000), at(0))
    before = meter.take(ticks(1020, 90_180), at(1))

    assert meter.take(ticks(3, 90_200), at(2)) == before


def test_an_interval_too_short_to_measure_goes_on() -> None:
    meter = UsageMeter(ticks(0, 0), at(0))
    first = meter.take(ticks(10, 10), at(0.2))
    too_short = meter.take(ticks(13, 10), at(0.21))
    whole = meter.take(ticks(20, 100), at(1.2))

    assert (first, too_short, whole) == (50.0, 50.0, 10.0)


def test_idle_that_goes_back_leaves_the_last_percentage() -> None:
    meter = UsageMeter(ticks(1000, 90_000), at(0))
    before = meter.take(ticks(1020, 90_180), at(1))

    assert meter.take(ticks(1040, 90_170), at(2)) == before


def test_processor_that_comes_back_with_its_idle_time_leaves_the_last_percentage() -> None:
    meter = UsageMeter(ticks(1000, 100_000), at(0))
    first = meter.take(ticks(1090, 100_010), at(1))
    leap = meter.take(ticks(1180, 1_100_020), at(1.5))
    after = meter.take(ticks(1230, 1_100_070), at(2.5))

    assert (first, leap, after) == (90.0, 90.0, 50.0)


def test_counters_that_are_updated_rarely_leave_the_last_percentage() -> None:
    meter = UsageMeter(ticks(1000, 90_000), at(0))
    first = meter.take(ticks(1090, 90_010), at(1))
    same = [meter.take(ticks(1090, 90_010), at(second)) for second in (2, 3)]
    after = meter.take(ticks(1240, 90_160), at(4))
    much_later = meter.take(ticks(1240, 90_160), at(15))

    assert (first, same, after, much_later) == (90.0, [90.0, 90.0], 50.0, 0.0)


def test_zeros_for_one_reading_make_no_spike() -> None:
    meter = UsageMeter(ticks(1000, 90_000), at(0))
    before = meter.take(ticks(1020, 90_180), at(1))
    zeros = meter.take(ticks(0, 0), at(2))
    after = meter.take(ticks(1060, 90_340), at(3))

    assert (before, zeros, after) == (10.0, 10.0, 10.0)


def test_percentage_ends_after_ten_seconds_without_a_valid_interval() -> None:
    meter = UsageMeter(ticks(1000, 90_000), at(0))
    meter.take(ticks(1020, 90_180), at(1))
    for second in range(2, 12):
        meter.take(ticks(1020 + 20 * second, 90_000 - second), at(second))

    with pytest.raises(DeviceUnavailable, match="decreased"):
        meter.take(ticks(1300, 80_000), at(12))


@pytest.mark.parametrize("columns", [4, 7, 8, 10])
def test_stat_without_any_time_is_refused(columns: int) -> None:
    with pytest.raises(DeviceUnavailable, match="no time"):
        parse_stat(b"cpu " + b" 0" * columns + b"\n")


def test_counters_that_go_back_before_anything_is_known_are_unavailable() -> None:
    meter = UsageMeter(ticks(1000, 90_000), at(0))
    with pytest.raises(DeviceUnavailable, match="decreased"):
        meter.take(ticks(0, 0), at(0.2))


@pytest.mark.virtual_time
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
    assert first.busy == pytest.approx(busy_percent(before, after, at(60)), abs=25)
    assert first.busy > 0


@pytest.mark.virtual_time
async def test_a_captured_machine_that_stands_still_is_not_busy() -> None:
    async with aclosing(
        CpuDevice(resources(roots=captured("laptop"), interval=EVERY)).watch()
    ) as readings:
        assert await next_reading(readings) == Cpu(busy=Percent(0.0))


@pytest.mark.virtual_time
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


@pytest.mark.virtual_time
async def test_a_watch_that_ends_closes_its_file() -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - a list of names is all it takes
    readings = CpuDevice(resources(interval=EVERY)).watch()
    await next_reading(readings)
    await readings.aclose()

    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208 - as above
