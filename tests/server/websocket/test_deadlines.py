import asyncio

import pytest

from deskwire.model.instant import Instant
from deskwire.model.units import Seconds
from deskwire.server.websocket import deadlines as module
from deskwire.server.websocket.deadlines import Deadlines

pytestmark = pytest.mark.warped


class Clock:
    """A clock that goes on with the loop's, and leaps when the machine was suspended."""

    def __init__(self) -> None:
        self.suspended = 0.0

    def __call__(self) -> Instant:
        boot = asyncio.get_running_loop().time() + self.suspended
        return Instant(Seconds(0), Seconds(boot))


async def test_each_is_told_when_it_asked_to_be() -> None:
    clock = Clock()
    deadlines = Deadlines(clock)
    told: list[str] = []

    def first(_: Instant) -> None:
        told.append("first")

    def second(_: Instant) -> None:
        told.append("second")

    deadlines.set(second, Seconds(clock().boot + 0.06))
    deadlines.set(first, Seconds(clock().boot + 0.02))
    await asyncio.sleep(0.04)
    early = list(told)
    await asyncio.sleep(0.05)

    assert early == ["first"]
    assert told == ["first", "second"]


async def test_a_later_deadline_replaces_the_earlier() -> None:
    clock = Clock()
    deadlines = Deadlines(clock)
    told: list[float] = []

    def tick(now: Instant) -> None:
        told.append(now.boot)

    due = clock().boot + 0.08
    deadlines.set(tick, Seconds(clock().boot + 0.02))
    deadlines.set(tick, Seconds(due))
    await asyncio.sleep(0.12)

    assert len(told) == 1
    assert told[0] >= due


async def test_what_was_dropped_is_told_nothing() -> None:
    clock = Clock()
    deadlines = Deadlines(clock)

    def tick(_: Instant) -> None:
        pytest.fail("it was told")

    deadlines.set(tick, Seconds(clock().boot + 0.01))
    deadlines.drop(tick)
    await asyncio.sleep(0.03)


async def test_after_a_suspend_it_is_told_within_the_longest_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST_SLEEP", 0.05)
    clock = Clock()
    deadlines = Deadlines(clock)
    told: list[float] = []

    def tick(now: Instant) -> None:
        told.append(now.boot)

    deadlines.set(tick, Seconds(clock().boot + 1200))
    await asyncio.sleep(0.01)
    clock.suspended = 7200
    await asyncio.sleep(0.08)

    assert len(told) == 1


async def test_those_that_come_and_go_leave_nothing_behind() -> None:
    clock = Clock()
    deadlines = Deadlines(clock)

    for _ in range(1000):

        def tick(_: Instant) -> None: ...

        deadlines.set(tick, Seconds(clock().boot + 1200))
        deadlines.drop(tick)

    assert deadlines._heap == []
    assert deadlines._timer is None
