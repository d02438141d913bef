import asyncio

import pytest

from deskwire.devices.ticker import ChangeFlag, Ticker
from deskwire.model.units import Seconds

pytestmark = pytest.mark.warped

EVERY = Seconds(0.2)


def timers() -> int:
    """Count what the event loop is to do later."""
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not timer.cancelled() for timer in scheduled)


async def test_one_timer_wakes_all_waiters_together() -> None:
    loop = asyncio.get_running_loop()
    ticker = Ticker(EVERY)

    async def woken() -> float:
        await ticker.next()
        return loop.time()

    await ticker.next()
    began = loop.time()
    early = asyncio.create_task(woken())
    await asyncio.sleep(0.05)
    late = asyncio.create_task(woken())
    await asyncio.sleep(0)
    timers_then = timers()
    instants = [await early, await late]

    assert timers_then == 1
    assert [instant // EVERY for instant in instants] == [began // EVERY + 1] * 2
    assert all(instant % EVERY < 0.1 for instant in instants)


async def test_the_next_instant_is_never_now() -> None:
    loop = asyncio.get_running_loop()
    ticker = Ticker(EVERY)
    began = loop.time()

    await ticker.next()
    await ticker.next()

    assert loop.time() // EVERY - began // EVERY == 2


async def test_no_waiter_means_no_timer() -> None:
    ticker = Ticker(Seconds(3600.0))
    waiting = [asyncio.create_task(ticker.next()) for _ in range(2)]
    await asyncio.sleep(0)

    waiting[0].cancel()
    await asyncio.sleep(0)
    of_one = timers()
    waiting[1].cancel()
    await asyncio.wait(waiting)

    assert (of_one, timers()) == (1, 0)


async def test_flag_set_repeatedly_wakes_once() -> None:
    changed, ticker = ChangeFlag(), Ticker(EVERY)

    changed.set()
    changed.set()

    assert await changed.wait(ticker)
    assert not await changed.wait(ticker)


async def test_flag_set_during_a_wait_wakes_at_once() -> None:
    changed, ticker = ChangeFlag(), Ticker(Seconds(3600.0))
    loop = asyncio.get_running_loop()
    began = loop.time()
    loop.call_later(0.01, changed.set)
    loop.call_later(0.01, changed.set)

    heard = await changed.wait(ticker)

    assert heard
    assert loop.time() - began < 1
    assert timers() == 0


async def test_without_a_ticker_only_the_flag_wakes() -> None:
    changed = ChangeFlag()
    listening = asyncio.create_task(changed.wait(None))
    await asyncio.sleep(0)
    before = timers()

    changed.set()

    assert before == 0
    assert await listening
