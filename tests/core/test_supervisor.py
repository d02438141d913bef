import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Callable

import pytest

from deskwire.core import supervisor as module
from deskwire.core.supervisor import Supervisor
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Battery
from deskwire.model.topics import Demand
from deskwire.model.units import Percent
from tests.support.waiting import until_async

pytestmark = pytest.mark.virtual_time

Script = Callable[[int], "list[object]"]


class Device:
    """A device with a script: the readings of each watch, and the error that ends it."""

    def set_demand(self, demand: Demand) -> None:
        self.demand = demand

    def __init__(self, script: Script) -> None:
        self._script = script
        self.slowness = 0
        """Turns of the event loop that closing takes."""
        self.watches = 0
        self.open = 0
        self.most_open = 0

    async def watch(self) -> AsyncGenerator[object, None]:
        self.watches += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            for step in self._script(self.watches):
                if isinstance(step, BaseException):
                    raise step
                yield step
            await asyncio.Event().wait()
        finally:
            for _ in range(self.slowness):
                await asyncio.sleep(0)
            self.open -= 1


class Taken:
    """The readings that a supervisor passed on."""

    def __init__(self) -> None:
        self.readings: list[tuple[str, object]] = []

    def __call__(self, name: str, reading: object) -> None:
        self.readings.append((name, reading))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.02)


def demand(*names: str) -> dict[str, Demand]:
    return dict.fromkeys(names, Demand.LIVE)


async def run(supervisor: Supervisor, names: tuple[str, ...], until: Callable[[], bool]) -> None:
    supervisor.set_demand(demand(*names))
    try:
        await until_async(until)
    finally:
        await supervisor.close()


async def test_reading_is_passed_on_by_topic() -> None:
    taken = Taken()
    desk = Supervisor({"cpu": Device(lambda _: [1, 2])}, taken)

    await run(desk, ("cpu",), lambda: len(taken.readings) == 2)

    assert taken.readings == [("cpu", 1), ("cpu", 2)]


async def test_device_runs_only_while_its_topic_is_demanded() -> None:
    device, other = Device(lambda _: [1]), Device(lambda _: [1])
    desk = Supervisor({"cpu": device, "wifi": other}, Taken())
    await asyncio.sleep(0.01)
    before = device.watches

    desk.set_demand(demand("cpu"))
    await until_async(lambda: device.open == 1)
    desk.set_demand({})
    await until_async(lambda: device.open == 0)
    desk.set_demand(demand("cpu"))
    await until_async(lambda: device.watches == 2)
    await desk.close()

    assert before == 0
    assert device.open == 0
    assert other.watches == 0


async def test_demand_for_another_topic_does_not_restart_a_device() -> None:
    device, other = Device(lambda _: [1]), Device(lambda _: [1])
    desk = Supervisor({"cpu": device, "wifi": other}, Taken())

    desk.set_demand(demand("cpu"))
    await until_async(lambda: device.open == 1)
    desk.set_demand(demand("cpu", "wifi"))
    await until_async(lambda: other.open == 1)
    desk.set_demand(demand("wifi"))
    await until_async(lambda: device.open == 0)

    assert (device.watches, other.watches, other.open) == (1, 1, 1)
    await desk.close()


async def test_device_knows_its_demand_before_its_watch_starts() -> None:
    device, taken = Device(lambda _: [1]), Taken()
    desk = Supervisor({"cpu": device}, taken)

    desk.set_demand({"cpu": Demand.BACKGROUND})
    first = device.demand
    await until_async(lambda: device.open == 1)
    desk.set_demand({"cpu": Demand.LIVE})

    assert (first, device.demand, device.watches) == (Demand.BACKGROUND, Demand.LIVE, 1)
    await desk.close()


async def test_device_that_is_demanded_again_at_once_is_restarted_after_its_end() -> None:
    device, taken = Device(lambda _: [1]), Taken()
    device.slowness = 10
    desk = Supervisor({"cpu": device}, taken)
    desk.set_demand(demand("cpu"))
    await until_async(lambda: device.open == 1)

    for _ in range(3):
        desk.set_demand({})
        desk.set_demand(demand("cpu"))
    await until_async(lambda: len(taken.readings) == 2)

    assert device.open == device.most_open == 1
    await desk.close()
    assert device.open == 0


async def test_failed_device_is_absent_until_its_recovery(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    gone = DeviceUnavailable("the service went away")
    device = Device(lambda watch: [1, gone] if watch == 1 else [gone] if watch < 4 else [2])
    taken = Taken()

    await run(Supervisor({"wifi": device}, taken), ("wifi",), lambda: ("wifi", 2) in taken.readings)

    assert taken.readings == [("wifi", 1)] + [("wifi", None)] * 3 + [("wifi", 2)]
    assert [record.getMessage() for record in caplog.records] == [
        "wifi: the service went away",
        "wifi: back",
    ]


async def test_unhandled_exception_of_a_device_affects_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taken = Taken()
    broken = Device(lambda _: [ZeroDivisionError("oh")])
    desk = Supervisor({"wifi": broken, "cpu": Device(lambda _: [1])}, taken)

    await run(desk, ("wifi", "cpu"), lambda: ("cpu", 1) in taken.readings and broken.watches > 2)

    assert ("wifi", None) in taken.readings
    assert "wifi: unhandled exception" in caplog.text


async def test_device_is_restarted_when_its_watch_ends() -> None:
    class Ends:
        watches = 0

        def set_demand(self, _: Demand) -> None:
            pass

        async def watch(self) -> AsyncGenerator[int, None]:
            self.watches += 1
            yield self.watches

    taken = Taken()
    device = Ends()

    await run(Supervisor({"cpu": device}, taken), ("cpu",), lambda: device.watches >= 3)

    assert taken.readings[:4] == [("cpu", 1), ("cpu", None), ("cpu", 2), ("cpu", None)]


async def test_impossible_number_is_left_out_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    readings = [battery(50), battery(math.nan), battery(50), battery(104), battery(-1), battery(51)]
    device, taken = Device(lambda _: list(readings)), Taken()

    with caplog.at_level(logging.INFO, "deskwire.devices"):
        await run(
            Supervisor({"battery": device}, taken), ("battery",), lambda: len(taken.readings) == 6
        )

    assert [reading for _, reading in taken.readings] == [
        battery(50),
        None,
        battery(50),
        None,
        None,
        battery(51),
    ]
    assert caplog.messages == [
        "battery: Battery.charge cannot be nan, expected 0 to 100; it is left out"
    ]


def battery(charge: float) -> Battery:
    return Battery(Percent(charge), plugged_in=False)
