import os
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices.kernel.kernel_file import Roots
from deskwire.devices.memory import MemoryDevice, parse_meminfo
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Memory
from deskwire.model.units import Bytes, Seconds
from tests.support.devices import captured, copied, next_reading, resources

EVERY = Seconds(0.05)


def test_reclaimable_memory_is_not_used() -> None:
    text = b"MemTotal:  1000 kB\nMemFree:  10 kB\nMemAvailable:  600 kB\nCached:  500 kB\n"

    assert parse_meminfo(text) == Memory(used=Bytes(400 * 1024))


@pytest.mark.parametrize("available", [1000, 1001, 9_000_000])
def test_free_memory_replaces_more_available_memory_than_there_is(available: int) -> None:
    text = f"MemTotal: 1000 kB\nMemFree: 400 kB\nMemAvailable: {available} kB\n".encode()

    assert parse_meminfo(text) == Memory(used=Bytes(600 * 1024))


@pytest.mark.parametrize(
    "text",
    [
        b"MemTotal: 5 kB\nMemAvailable: 9 kB\n",
        b"MemTotal: 5 kB\nMemFree: 7 kB\nMemAvailable: 9 kB\n",
        b"MemTotal: 0 kB\nMemFree: 0 kB\nMemAvailable: 0 kB\n",
    ],
)
def test_memory_without_a_possible_number_is_refused(text: bytes) -> None:
    with pytest.raises(DeviceUnavailable, match="more available memory"):
        parse_meminfo(text)


@pytest.mark.parametrize(
    "text", [b"", b"MemTotal: 5 kB\n", b"MemAvailable: 5 kB\nMemTotal: x kB\n"]
)
def test_a_missing_line_is_refused(text: bytes) -> None:
    with pytest.raises(DeviceUnavailable, match="MemTotal or MemAvailable"):
        parse_meminfo(text)


@given(st.binary())
def test_any_bytes_are_memory_or_refused(text: bytes) -> None:
    with suppress(DeviceUnavailable):
        assert parse_meminfo(b"MemTotal: 5 kB\n" + text).used >= 0


async def test_a_captured_laptop_has_the_memory_of_its_day_in_use() -> None:
    async with aclosing(
        MemoryDevice(resources(roots=captured("laptop"), interval=EVERY)).watch()
    ) as readings:
        assert await next_reading(readings) == Memory(used=Bytes(11_419_623_424))


async def test_a_change_of_the_file_is_the_next_reading(tmp_path: Path) -> None:
    roots = copied("laptop", tmp_path)
    async with aclosing(MemoryDevice(resources(roots=roots, interval=EVERY)).watch()) as readings:
        await next_reading(readings)
        (roots.proc / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 2 kB\n")

        assert await next_reading(readings) == Memory(used=Bytes(7 * 1024))


async def test_used_memory_of_this_machine_is_below_its_total() -> None:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    async with aclosing(MemoryDevice(resources(interval=EVERY)).watch()) as readings:
        reading = await next_reading(readings)

    assert reading is not None
    assert 1_000_000 < reading.used < total


async def test_a_machine_without_the_file_is_unavailable(tmp_path: Path) -> None:
    async with aclosing(
        MemoryDevice(resources(roots=Roots(proc=tmp_path), interval=EVERY)).watch()
    ) as readings:
        with pytest.raises(DeviceUnavailable, match="meminfo cannot be read"):
            await next_reading(readings)
