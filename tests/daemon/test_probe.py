import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from deskwire.daemon.config.settings import Devices, Settings
from deskwire.daemon.doctor.health import Condition
from deskwire.daemon.probe import ProbeResult, probe_devices, probe_each, snapshot_of
from deskwire.devices.catalogue import DEVICES
from deskwire.devices.device import Device
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Battery, Memory, Snapshot, Volume
from deskwire.model.topics import Topic
from deskwire.model.units import Bytes, Percent, Seconds
from tests.support.devices import captured, resources

HANGS = object()
MEMORY = Memory(used=Bytes(5))


class Part(Device[Any]):
    """A device with one reading or one error, or one that hangs."""

    topic = Topic("part", Memory, absent="no such part")
    via = "a part"

    def __init__(self, says: object) -> None:
        super().__init__(resources())
        self._says = says
        self.watched = False

    async def watch(self) -> AsyncGenerator[Any, None]:
        self.watched = True
        try:
            if self._says is HANGS:
                await asyncio.Event().wait()
            if isinstance(self._says, Exception):
                raise self._says
            yield self._says
        finally:
            self.watched = False


def of(results: list[ProbeResult], name: str) -> ProbeResult:
    (found,) = [result for result in results if result.name == name]
    return found


async def test_device_with_a_reading_is_ok_and_its_watch_is_closed() -> None:
    part = Part(MEMORY)
    result = of(await probe_each({"memory": part}), "memory")

    assert result == ProbeResult(
        name="memory", condition=Condition.OK, reading=MEMORY, via="a part"
    )
    assert not part.watched


async def test_device_without_hardware_is_absent() -> None:
    results = await probe_each({"battery": Part(None), "players": Part(())})

    expected = {"condition": Condition.ABSENT, "via": "a part", "why": "no such part"}
    assert of(results, "battery") == ProbeResult(name="battery", **expected)  # type: ignore[arg-type]
    assert of(results, "players") == ProbeResult(name="players", **expected)  # type: ignore[arg-type]


async def test_unavailable_device_gives_its_reason_and_remedy() -> None:
    part = Part(DeviceUnavailable("there is no sound server", "install one"))
    result = of(await probe_each({"volume": part}), "volume")

    assert result == ProbeResult(
        name="volume",
        condition=Condition.UNAVAILABLE,
        why="there is no sound server",
        remedy="install one",
    )


async def test_impossible_reading_is_unavailable() -> None:
    part = Part(Battery(Percent(float("nan")), plugged_in=True))
    result = of(await probe_each({"battery": part}), "battery")

    assert result.condition is Condition.UNAVAILABLE
    assert result.why == "Battery.charge cannot be nan, expected 0 to 100"


async def test_unhandled_exception_of_a_device_affects_no_other() -> None:
    results = await probe_each({"wifi": Part(KeyError("ssid")), "memory": Part(MEMORY)})

    assert of(results, "wifi").condition is Condition.UNAVAILABLE
    assert of(results, "wifi").why == "a bug in deskwire: KeyError: 'ssid'"
    assert of(results, "memory").condition is Condition.OK


async def test_devices_that_hang_take_one_timeout_together() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    parts = {"wifi": Part(HANGS), "battery": Part(HANGS), "memory": Part(MEMORY)}
    async with asyncio.timeout(3):
        results = await probe_each(parts, timeout=Seconds(0.2))

    assert 0.2 <= loop.time() - began < 0.4
    assert of(results, "wifi").why == of(results, "battery").why == "no answer within 0.2 s"
    assert of(results, "memory").condition is Condition.OK
    assert not parts["wifi"].watched


async def test_device_that_is_not_probed_is_disabled() -> None:
    results = await probe_each({"memory": Part(MEMORY)})

    assert [result.name for result in results] == list(DEVICES)
    assert of(results, "wifi").condition is Condition.DISABLED


async def test_snapshot_has_only_the_readings() -> None:
    results = await probe_each(
        {
            "memory": Part(MEMORY),
            "battery": Part(None),
            "players": Part(()),
            "volume": Part(DeviceUnavailable("no sound")),
        }
    )

    assert snapshot_of(results) == Snapshot(memory=MEMORY)


async def test_captured_laptop_has_its_recorded_readings(tmp_path: Path) -> None:
    roots = captured("laptop")
    settings = Settings(
        devices=Devices(proc=roots.proc, sys=roots.sys, disabled=frozenset({"volume"}))
    )
    environ = {
        "HOME": str(tmp_path),
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/none",
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/none",
    }

    results = await probe_devices(settings, environ)

    assert snapshot_of(results).memory == Memory(used=Bytes(11_419_623_424))
    assert snapshot_of(results).battery == Battery(charge=Percent(100.0), plugged_in=True)
    assert snapshot_of(results).volume is None
    assert of(results, "volume").condition is Condition.DISABLED
    assert of(results, "players").condition is Condition.UNAVAILABLE


def test_snapshot_keeps_a_reading_unchanged() -> None:
    volume = Volume(level=Percent(153.0))
    results = [ProbeResult(name="volume", condition=Condition.OK, reading=volume)]

    assert snapshot_of(results).volume is volume


def test_snapshot_has_the_base_topics_only() -> None:
    results = [
        ProbeResult(name="barometer", condition=Condition.OK, reading=MEMORY),
        ProbeResult(name="memory", condition=Condition.OK, reading=MEMORY),
    ]

    assert snapshot_of(results) == Snapshot(memory=MEMORY)
