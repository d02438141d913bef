import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

import pytest

from deskwire.devices.device import Device
from deskwire.model.commands import Command
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.topics import Demand, Topic
from deskwire.model.units import Seconds
from tests.support.devices import next_reading, resources

pytestmark = pytest.mark.virtual_time

OFTEN = Seconds(0.05)


class Polled(Device[int]):
    """A device that is polled."""

    topic = Topic("polled", int, periodic=True)
    via = "a function"

    def __init__(self, read: Callable[[], int], interval: Seconds) -> None:
        super().__init__(resources(interval=interval))
        self._read = read

    def watch(self) -> AsyncGenerator[int | None, None]:
        return self.poll(self._read)


class Reset(Command, frozen=True):
    """Do something that no device declares."""

    name = "polled.reset"


def one_after_the_other(values: Iterable[int]) -> Callable[[], int]:
    left = iter(values)
    return lambda: next(left)


async def test_poll_yields_the_present_reading_at_once() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    async with aclosing(Polled(lambda: 7, Seconds(60.0)).watch()) as readings:
        first = await next_reading(readings)

    assert first == 7
    assert loop.time() - began < 0.05


async def test_poll_yields_only_changed_readings() -> None:
    device = Polled(one_after_the_other([1, 1, 2, 2, 2, 1]), OFTEN)
    async with aclosing(device.watch()) as readings:
        seen = [await next_reading(readings) for _ in range(3)]

    assert seen == [1, 2, 1]


async def test_error_of_a_reading_ends_the_poll() -> None:
    def read() -> int:
        raise DeviceUnavailable("it is gone")

    async with aclosing(Polled(read, OFTEN).watch()) as readings:
        with pytest.raises(DeviceUnavailable, match="it is gone"):
            await next_reading(readings)


async def test_device_in_the_background_is_read_every_10_s() -> None:
    loop = asyncio.get_running_loop()
    reads: list[float] = []

    def read() -> int:
        reads.append(loop.time())
        return len(reads)

    device = Polled(read, Seconds(1.0))
    device.set_demand(Demand.BACKGROUND)
    async with aclosing(device.watch()) as readings:
        for _ in range(4):
            await next_reading(readings, within=30)

    assert [round(at) % 10 for at in reads[1:]] == [0, 0, 0]


async def test_device_that_is_demanded_live_again_is_read_at_once() -> None:
    loop = asyncio.get_running_loop()
    device = Polled(one_after_the_other(range(10)), Seconds(1.0))
    device.set_demand(Demand.BACKGROUND)
    async with aclosing(device.watch()) as readings:
        await next_reading(readings)
        await next_reading(readings, within=30)
        began = loop.time()
        loop.call_later(0.5, device.set_demand, Demand.LIVE)
        await next_reading(readings)
        took = loop.time() - began
        await next_reading(readings)

    assert 0.4 < took < 0.6
    assert loop.time() - began < 2.1


async def test_command_that_a_device_does_not_declare_is_refused() -> None:
    with pytest.raises(DeviceUnavailable, match=r"no device for polled\.reset"):
        await Polled(lambda: 7, OFTEN).perform(Reset())
