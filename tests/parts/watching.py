"""Looking at a device's watch: the next reading, with a deadline."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

R = TypeVar("R")


async def upcoming(readings: AsyncGenerator[R, None], *, within: float = 3.0) -> R:
    """Return the next reading; raises `TimeoutError` when there is none in time."""
    async with asyncio.timeout(within):
        return await anext(readings)


async def wait_for(readings: AsyncGenerator[R, None], wanted: R, *, within: float = 3.0) -> list[R]:
    """Read on until the reading is `wanted`; return all that came, that one included."""
    seen: list[R] = []
    try:
        async with asyncio.timeout(within):
            async for reading in readings:
                seen.append(reading)
                if reading == wanted:
                    return seen
    except TimeoutError:
        pass
    raise AssertionError(f"not within {within:g} s: {wanted}; readings were {seen}")
