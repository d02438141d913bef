import asyncio

import pytest

from deskwire.model.instant import Instant
from deskwire.model.units import Seconds
from deskwire.server.websocket import deadlines as module
from deskwire.server.websocket.deadlines import Deadlines

pytestmark = pytest.mark.virtual_time


class Clock:
    """Clock that follows the loop and can jump, as after a suspend."""

    def __init__(self) -> None:
        self.suspended = 0.0

    def __call__(self) -> Instant:
        boot = asyncio.get_running_loop().time() + self.suspended
        return Instant(Seconds(0), Seconds(boot))


async def test_each_tick_is_called_at_its_deadline() -> None:
    clock = Clock()
    deadlines = Deadlines(clock)
    calls: list[str] = []

    def first(_: Instant) -> None:
        calls.append("first")

    def second(_: Instant) -> None:
        calls.append("second")

    deadlines.set(second, Seconds(clock().boot + 0.06))
    deadlines.set(first, Seconds(clock().boot + 0.02))
    await asyncio.sleep(0.04)
    early = list(calls)
    await asyncio.sleep(0.05)

    assert early == ["first"]
    assert calls == ["first", "second"]


async def test_later_deadline_replaces_the_earlier_one() -> None:
    clock = Clock()
    deadlines = Deadlines(clock)
    calls: list[float] = []

    def tick(now: Instant) -> None:
        calls.append(now.boot)

    due = clock().boot + 0.08
    deadlines.set(tick, Seconds(clock().boot + 0.02))
    deadlines.set(tick, Seconds(due))
    await asyncio.sleep(0.12)

    assert len(calls) == 1
    assert calls[0] >= due


async def test_removed_tick_is_not_called() -> None:
    clock = Clock()
    deadlines = Deadlines(clock)

    def tick(_: Instant) -> None:
        pytest.fail("the removed tick was called")

    deadlines.set(tick, Seconds(clock().boot + 0.01))
    deadlines.remove(tick)
    await asyncio.sleep(0.03)


async def test_deadline_passed_in_suspend_is_noticed_within_max_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_SLEEP", 0.05)
    clock = Clock()
    deadlines = Deadlines(clock)
    calls: list[float] = []

    def tick(now: Instant) -> None:
        calls.append(now.boot)

    deadlines.set(tick, Seconds(clock().boot + 1200))
    await asyncio.sleep(0.01)
    clock.suspended = 7200
    await asyncio.sleep(0.08)

    assert len(calls) == 1


async def test_removed_deadlines_leave_no_entry_and_no_timer() -> None:
    clock = Clock()
    deadlines = Deadlines(clock)

    for _ in range(1000):

        def tick(_: Instant) -> None: ...

        deadlines.set(tick, Seconds(clock().boot + 1200))
        deadlines.remove(tick)

    assert deadlines._due == {}
    assert deadlines._timer is None
