import asyncio

import pytest

from deskwire.devices.ticker import Beat, News
from deskwire.model.units import Seconds

pytestmark = pytest.mark.warped

EVERY = Seconds(0.2)


def timers() -> int:
    """Count what the event loop is to do later."""
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not timer.cancelled() for timer in scheduled)


async def test_all_who_wait_are_woken_at_the_same_instant_by_one_timer() -> None:
    loop = asyncio.get_running_loop()
    beat = Beat(EVERY)

    async def woken() -> float:
        await beat.next()
        return loop.time()

    await beat.next()
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
    beat = Beat(EVERY)
    began = loop.time()

    await beat.next()
    await beat.next()

    assert loop.time() // EVERY - began // EVERY == 2


async def test_where_nobody_waits_there_is_no_timer() -> None:
    beat = Beat(Seconds(3600.0))
    waiting = [asyncio.create_task(beat.next()) for _ in range(2)]
    await asyncio.sleep(0)

    waiting[0].cancel()
    await asyncio.sleep(0)
    of_one = timers()
    waiting[1].cancel()
    await asyncio.wait(waiting)

    assert (of_one, timers()) == (1, 0)


async def test_news_are_heard_once_however_often_they_were_said() -> None:
    news, beat = News(), Beat(EVERY)

    news.say()
    news.say()

    assert await news.heard(beat)
    assert not await news.heard(beat)


async def test_news_that_come_while_somebody_listens_wake_at_once() -> None:
    news, beat = News(), Beat(Seconds(3600.0))
    loop = asyncio.get_running_loop()
    began = loop.time()
    loop.call_later(0.01, news.say)
    loop.call_later(0.01, news.say)

    heard = await news.heard(beat)

    assert heard
    assert loop.time() - began < 1
    assert timers() == 0


async def test_without_a_beat_only_news_count_and_no_timer_is_set() -> None:
    news = News()
    listening = asyncio.create_task(news.heard(None))
    await asyncio.sleep(0)
    before = timers()

    news.say()

    assert before == 0
    assert await listening
