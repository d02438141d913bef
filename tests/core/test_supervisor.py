import asyncio
import logging
from collections.abc import AsyncGenerator, Callable

import pytest

from deskwire.core import supervisor as module
from deskwire.core.supervisor import Supervisor
from deskwire.model.problems import DeviceUnavailable
from tests.support.waiting import until_async

pytestmark = pytest.mark.warped

Script = Callable[[int], "list[object]"]


class Device:
    """A source that plays a script: what each of its watches yields, and what ends it."""

    via = "a script"
    absent = "nothing"

    def __init__(self, script: Script) -> None:
        self._script = script
        self.watches = 0
        self.open = 0

    async def watch(self) -> AsyncGenerator[object, None]:
        self.watches += 1
        self.open += 1
        try:
            for step in self._script(self.watches):
                if isinstance(step, BaseException):
                    raise step
                yield step
            await asyncio.Event().wait()
        finally:
            self.open -= 1


class Taken:
    """What was handed on."""

    def __init__(self) -> None:
        self.readings: list[tuple[str, object]] = []

    def __call__(self, name: str, reading: object) -> None:
        self.readings.append((name, reading))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.02)


async def run(supervisor: Supervisor, until: Callable[[], bool]) -> None:
    running = asyncio.create_task(supervisor.run())
    supervisor.watch(True)
    try:
        await until_async(until)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_readings_are_handed_on_by_the_devices_name() -> None:
    taken = Taken()
    desk = Supervisor({"cpu": Device(lambda _: [1, 2])}, taken)

    await run(desk, lambda: len(taken.readings) == 2)

    assert taken.readings == [("cpu", 1), ("cpu", 2)]


async def test_nothing_is_watched_until_somebody_looks_and_nothing_when_nobody_does() -> None:
    device = Device(lambda _: [1])
    taken = Taken()
    desk = Supervisor({"cpu": device}, taken)
    running = asyncio.create_task(desk.run())
    await asyncio.sleep(0.01)
    before = device.watches

    desk.watch(True)
    await until_async(lambda: device.open == 1)
    desk.watch(False)
    await until_async(lambda: device.open == 0)
    desk.watch(True)
    await until_async(lambda: device.watches == 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert before == 0
    assert device.open == 0


async def test_a_device_that_goes_is_absent_and_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    gone = DeviceUnavailable("the service went away")
    device = Device(lambda watch: [1, gone] if watch == 1 else [gone] if watch < 4 else [2])
    taken = Taken()

    await run(Supervisor({"wifi": device}, taken), lambda: ("wifi", 2) in taken.readings)

    assert taken.readings == [("wifi", 1)] + [("wifi", None)] * 3 + [("wifi", 2)]
    assert [record.getMessage() for record in caplog.records] == [
        "wifi: the service went away",
        "wifi: back",
    ]


async def test_one_devices_bug_touches_no_other(caplog: pytest.LogCaptureFixture) -> None:
    taken = Taken()
    broken = Device(lambda _: [ZeroDivisionError("oh")])
    desk = Supervisor({"wifi": broken, "cpu": Device(lambda _: [1])}, taken)

    await run(desk, lambda: ("cpu", 1) in taken.readings and broken.watches > 2)

    assert ("wifi", None) in taken.readings
    assert "wifi failed by a bug of ours" in caplog.text


async def test_a_watch_that_just_ends_is_begun_again() -> None:
    class Ends:
        via = absent = ""
        watches = 0

        async def watch(self) -> AsyncGenerator[int, None]:
            self.watches += 1
            yield self.watches

    taken = Taken()
    device = Ends()

    await run(Supervisor({"cpu": device}, taken), lambda: device.watches >= 3)

    assert taken.readings[:4] == [("cpu", 1), ("cpu", None), ("cpu", 2), ("cpu", None)]
