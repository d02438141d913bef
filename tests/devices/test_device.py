import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing

import pytest

from deskwire.devices.device import poll
from deskwire.devices.ticker import Ticker
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds
from tests.support.watching import upcoming

pytestmark = pytest.mark.warped

OFTEN = Seconds(0.05)


def one_after_the_other(values: Iterable[int]) -> Callable[[], int]:
    left = iter(values)
    return lambda: next(left)


async def test_a_poll_gives_the_present_reading_at_once() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    async with aclosing(poll(lambda: 7, Ticker(Seconds(60.0)))) as readings:
        first = await upcoming(readings)

    assert first == 7
    assert loop.time() - began < 0.05


async def test_poll_yields_only_changed_readings() -> None:
    async with aclosing(poll(one_after_the_other([1, 1, 2, 2, 2, 1]), Ticker(OFTEN))) as readings:
        seen = [await upcoming(readings) for _ in range(3)]

    assert seen == [1, 2, 1]


async def test_exception_of_a_read_ends_the_poll() -> None:
    def read() -> int:
        raise DeviceUnavailable("it is gone")

    async with aclosing(poll(read, Ticker(OFTEN))) as readings:
        with pytest.raises(DeviceUnavailable, match="it is gone"):
            await upcoming(readings)
