import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from deskwire.daemon.config.settings import Devices, Settings
from deskwire.daemon.doctor.health import Condition
from deskwire.daemon.probe import ProbeResult, probe_devices, probe_each, snapshot_of
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Battery, Memory, Snapshot, Volume
from deskwire.model.units import Bytes, Percent, Seconds
from tests.support.captured import captured

HANGS = object()
MEMORY = Memory(used=Bytes(5))


class Part:
    """A device that says one thing, raises one, or hangs."""

    via = "a part"
    absent = "no such part"

    def __init__(self, says: object) -> None:
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


def of(looks: list[ProbeResult], name: str) -> ProbeResult:
    (found,) = [look for look in looks if look.name == name]
    return found


async def test_a_device_that_reads_is_ok_and_watched_no_more() -> None:
    part = Part(MEMORY)
    look = of(await probe_each({"memory": part}), "memory")

    assert look == ProbeResult(name="memory", condition=Condition.OK, reading=MEMORY, via="a part")
    assert not part.watched


async def test_hardware_that_is_not_there_is_absent() -> None:
    looks = await probe_each({"battery": Part(None), "players": Part(())})

    expected = {"condition": Condition.ABSENT, "via": "a part", "why": "no such part"}
    assert of(looks, "battery") == ProbeResult(name="battery", **expected)  # type: ignore[arg-type]
    assert of(looks, "players") == ProbeResult(name="players", **expected)  # type: ignore[arg-type]


async def test_a_device_that_cannot_be_read_says_why_and_what_to_do() -> None:
    part = Part(DeviceUnavailable("there is no sound server", "install one"))
    look = of(await probe_each({"volume": part}), "volume")

    assert look == ProbeResult(
        name="volume",
        condition=Condition.UNAVAILABLE,
        why="there is no sound server",
        remedy="install one",
    )


async def test_a_device_with_a_bug_says_so_and_harms_no_other() -> None:
    looks = await probe_each({"wifi": Part(KeyError("ssid")), "memory": Part(MEMORY)})

    assert of(looks, "wifi").condition is Condition.UNAVAILABLE
    assert of(looks, "wifi").why == "a bug of deskwire's: KeyError: 'ssid'"
    assert of(looks, "memory").condition is Condition.OK


async def test_devices_that_hang_cost_one_deadline_together() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    parts = {"wifi": Part(HANGS), "battery": Part(HANGS), "memory": Part(MEMORY)}
    async with asyncio.timeout(3):
        looks = await probe_each(parts, deadline=Seconds(0.2))

    assert 0.2 <= loop.time() - began < 0.4
    assert of(looks, "wifi").why == of(looks, "battery").why == "no answer within 0.2 s"
    assert of(looks, "memory").condition is Condition.OK
    assert not parts["wifi"].watched


async def test_a_device_that_is_not_looked_at_is_disabled() -> None:
    looks = await probe_each({"memory": Part(MEMORY)})

    assert [look.name for look in looks] == list(Snapshot.__struct_fields__)
    assert of(looks, "wifi").condition is Condition.DISABLED


async def test_a_snapshot_has_what_reads_and_nothing_else() -> None:
    looks = await probe_each(
        {
            "memory": Part(MEMORY),
            "battery": Part(None),
            "players": Part(()),
            "volume": Part(DeviceUnavailable("no sound")),
        }
    )

    assert snapshot_of(looks) == Snapshot(memory=MEMORY)


async def test_a_captured_laptop_is_read_as_it_was(tmp_path: Path) -> None:
    roots = captured("laptop")
    settings = Settings(
        devices=Devices(proc=roots.proc, sys=roots.sys, disabled=frozenset({"volume"}))
    )
    environ = {
        "HOME": str(tmp_path),
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/none",
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/none",
    }

    looks = await probe_devices(settings, environ)

    assert snapshot_of(looks).memory == Memory(used=Bytes(11_419_623_424))
    assert snapshot_of(looks).battery == Battery(charge=Percent(100.0), plugged_in=True)
    assert snapshot_of(looks).volume is None
    assert of(looks, "volume").condition is Condition.DISABLED
    assert of(looks, "players").condition is Condition.UNAVAILABLE


def test_a_reading_is_kept_as_it_is() -> None:
    volume = Volume(level=Percent(153.0))
    looks = [ProbeResult(name="volume", condition=Condition.OK, reading=volume)]

    assert snapshot_of(looks).volume is volume
