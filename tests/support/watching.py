"""Looking at a device's watch: begun patiently, read with a deadline."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from deskwire.devices.device import Device
from deskwire.model.problems import DeviceUnavailable
from tests.support.time_scaling import patiently

R = TypeVar("R")


async def patient(source: Device[R], *, within: float = 5.0) -> AsyncGenerator[R | None, None]:
    """Watch, begun again until there is a first reading; a busy machine may miss its 250 ms."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patiently(within)
    while True:
        async with aclosing(source.watch()) as readings:
            try:
                yield await anext(readings)
            except DeviceUnavailable:
                if loop.time() > deadline:
                    raise
                await asyncio.sleep(0.05)
                continue
            async for reading in readings:
                yield reading
            return


async def upcoming(readings: AsyncGenerator[R, None], *, within: float = 3.0) -> R:
    """Return the next reading; raises `TimeoutError` when there is none in time."""
    async with asyncio.timeout(patiently(within)):
        return await anext(readings)


async def first_and_then(readings: AsyncGenerator[R, None]) -> tuple[R, R, float]:
    """Return the next two readings, and the seconds of the loop's clock until the first."""
    clock = asyncio.get_running_loop().time
    began = clock()
    first = await upcoming(readings)
    took = clock() - began
    return first, await upcoming(readings), took


async def wait_for(readings: AsyncGenerator[R, None], wanted: R, *, within: float = 3.0) -> list[R]:
    """Read on until the reading is `wanted`; return all that came, that one included."""
    seen: list[R] = []
    try:
        async with asyncio.timeout(patiently(within)):
            async for reading in readings:
                seen.append(reading)
                if reading == wanted:
                    return seen
    except TimeoutError:
        pass
    raise AssertionError(f"not within {patiently(within):g} s: {wanted}; readings were {seen}")
