import asyncio

import pytest

from deskwire.auth.passwords import BoundedQueue
from deskwire.model.problems import Throttled


async def test_all_come_one_after_another_in_their_order() -> None:
    turns = BoundedQueue()
    seen: list[str] = []

    async def come(name: str) -> None:
        async with turns.turn():
            seen.append(f"{name} in")
            await asyncio.sleep(0)
            seen.append(f"{name} out")

    await asyncio.gather(come("ann"), come("bob"), come("carl"))

    assert seen == ["ann in", "ann out", "bob in", "bob out", "carl in", "carl out"]


async def test_more_than_a_few_do_not_wait() -> None:
    turns = BoundedQueue(most_waiting=2)

    async with turns.turn():
        waiting = asyncio.create_task(turns.turn().__aenter__())
        await asyncio.sleep(0)
        with pytest.raises(Throttled) as told:
            await turns.turn().__aenter__()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    assert told.value.retry_after > 0
    async with turns.turn():
        pass
