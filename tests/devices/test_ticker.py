import asyncio

import pytest

from deskwire.devices.ticker import ChangeFlag, Pace, Ticker
from deskwire.model.topics import Demand
from deskwire.model.units import Seconds

pytestmark = pytest.mark.virtual_time

EVERY = Seconds(0.2)
HOUR = Seconds(3600.0)


def timers() -> int:
    """Count what the event loop is to do later."""
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not timer.cancelled() for timer in scheduled)


async def test_one_timer_wakes_all_waiters_at_the_same_instant() -> None:
    loop = asyncio.get_running_loop()
    ticker = Ticker()

    async def woken() -> float:
        await Pace(ticker).tick(EVERY)
        return loop.time()

    await Pace(ticker).tick(EVERY)
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


async def test_next_instant_is_never_now() -> None:
    loop = asyncio.get_running_loop()
    pace = Pace(Ticker())
    began = loop.time()

    await pace.tick(EVERY)
    await pace.tick(EVERY)

    assert loop.time() // EVERY - began // EVERY == 2


async def test_waiters_of_several_intervals_share_one_timer() -> None:
    loop = asyncio.get_running_loop()
    ticker = Ticker()
    woken: list[tuple[str, float]] = []

    async def wait(name: str, interval: float) -> None:
        while True:
            await Pace(ticker).tick(Seconds(interval))
            woken.append((name, loop.time()))

    tasks = [asyncio.create_task(wait("slow", 1.0)), asyncio.create_task(wait("fast", 0.25))]
    await asyncio.sleep(0)
    began, most = loop.time(), timers()
    await asyncio.sleep(3)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

    assert most == 1
    assert len([name for name, _ in woken if name == "fast"]) == 12
    slow = [at for name, at in woken if name == "slow"]
    assert [at // 1.0 for at in slow] == [began // 1.0 + step for step in (1, 2, 3)]
    assert timers() == 0


async def test_ticker_without_a_waiter_has_no_timer() -> None:
    ticker = Ticker()
    waiting = [asyncio.create_task(Pace(ticker).tick(HOUR)) for _ in range(2)]
    await asyncio.sleep(0)

    waiting[0].cancel()
    await asyncio.sleep(0)
    of_one = timers()
    waiting[1].cancel()
    await asyncio.wait(waiting)

    assert (of_one, timers()) == (1, 0)


async def test_pace_in_the_background_is_10_s_or_slower() -> None:
    loop = asyncio.get_running_loop()
    pace = Pace(Ticker())
    pace.set_demand(Demand.BACKGROUND)

    await pace.tick(EVERY)
    first = loop.time()
    await pace.tick(EVERY)
    second = loop.time()
    await pace.tick(Seconds(20.0))

    assert second // 10 - first // 10 == 1
    assert loop.time() // 20 - second // 20 == 1


async def test_live_demand_wakes_a_background_waiter_at_once() -> None:
    loop = asyncio.get_running_loop()
    pace = Pace(Ticker())
    pace.set_demand(Demand.BACKGROUND)
    began = loop.time()
    loop.call_later(0.01, pace.set_demand, Demand.LIVE)

    await pace.tick(EVERY)

    assert loop.time() - began < 0.02


async def test_background_demand_does_not_wake_a_live_waiter() -> None:
    loop = asyncio.get_running_loop()
    pace = Pace(Ticker())
    waiting = asyncio.create_task(pace.tick(Seconds(1.0)))
    await asyncio.sleep(0)

    pace.set_demand(Demand.BACKGROUND)
    await asyncio.sleep(0)
    woken = waiting.done()
    await waiting

    assert not woken
    assert loop.time() % 1.0 < 0.1


async def test_changes_before_a_wait_count_as_one() -> None:
    changed, pace = ChangeFlag(), Pace(Ticker())

    changed.set()
    changed.set()

    assert await changed.wait(pace, EVERY)
    assert not await changed.wait(pace, EVERY)


async def test_change_wakes_a_waiter_at_once() -> None:
    changed, pace = ChangeFlag(), Pace(Ticker())
    loop = asyncio.get_running_loop()
    began = loop.time()
    loop.call_later(0.01, changed.set)
    loop.call_later(0.01, changed.set)

    was_set = await changed.wait(pace, HOUR)

    assert was_set
    assert loop.time() - began < 1
    assert timers() == 0


async def test_wait_without_an_interval_sets_no_timer() -> None:
    changed = ChangeFlag()
    waiting = asyncio.create_task(changed.wait(Pace(Ticker()), None))
    await asyncio.sleep(0)
    before = timers()

    changed.set()

    assert before == 0
    assert await waiting
