import time
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.kernel.kernel_file import Roots
from deskwire.devices.uptime import UptimeDevice, parse_uptime
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Uptime
from deskwire.model.units import Seconds
from tests.support.devices import captured, copied, next_reading, resources

EVERY = Seconds(0.05)


def test_a_begun_second_does_not_count() -> None:
    assert parse_uptime(b"11179.99 80412.06\n") == Uptime(up=Seconds(11_179))


@pytest.mark.parametrize("text", [b"", b"\n", b".5 1", b"-3.0 1", b"abc", b"9" * 16 + b".0"])
def test_malformed_uptime_is_refused(text: bytes) -> None:
    with pytest.raises(DeviceUnavailable):
        parse_uptime(text)


@given(st.binary())
def test_any_bytes_are_an_uptime_or_refused(text: bytes) -> None:
    with suppress(DeviceUnavailable):
        assert parse_uptime(text).up >= 0


async def test_a_captured_laptop_has_been_up_since_its_boot() -> None:
    async with aclosing(
        UptimeDevice(resources(roots=captured("laptop"), interval=EVERY)).watch()
    ) as readings:
        assert await next_reading(readings) == Uptime(up=Seconds(11_179))


async def test_time_in_suspend_counts() -> None:
    async with aclosing(UptimeDevice(resources(interval=EVERY)).watch()) as readings:
        reading = await next_reading(readings)

    assert reading is not None
    assert reading.up == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=1.5)


async def test_each_second_is_a_reading(tmp_path: Path) -> None:
    roots = copied("laptop", tmp_path)
    async with aclosing(UptimeDevice(resources(roots=roots, interval=EVERY)).watch()) as readings:
        await next_reading(readings)
        (roots.proc / "uptime").write_text("11180.01 80413.06\n")

        assert await next_reading(readings) == Uptime(up=Seconds(11_180))


async def test_a_machine_without_the_file_is_unavailable(tmp_path: Path) -> None:
    async with aclosing(
        UptimeDevice(resources(roots=Roots(proc=tmp_path), interval=EVERY)).watch()
    ) as readings:
        with pytest.raises(DeviceUnavailable, match="uptime cannot be read"):
            await next_reading(readings)
