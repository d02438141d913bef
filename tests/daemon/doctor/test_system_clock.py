import os
import time
from pathlib import Path

import pytest
from dbus_fast import PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_property

from deskwire.daemon.doctor.health import CheckFailed, Condition
from deskwire.daemon.doctor.system import TIMEDATE, TIMEDATE_PATH, clock, describe_synchronisation
from tests.support.buses import PrivateBus

NO_BUS = "unix:path=/nowhere"


def test_clock_is_reported_without_a_bus(tmp_path: Path) -> None:
    found = clock(tmp_path, NO_BUS)

    assert found.startswith(time.strftime("%Y-%m-%d "))
    assert found.endswith("synchronisation unknown: systemd-timedated does not answer")


def test_clock_behind_a_file_of_the_state_is_unsafe(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    state.touch()
    ahead = time.time() + 86_400
    os.utime(state, (ahead, ahead))

    with pytest.raises(CheckFailed, match="the clock is behind: ") as raised:
        clock(tmp_path, NO_BUS)
    assert raised.value.condition is Condition.UNSAFE
    assert str(state) in raised.value.why


class Timedate(ServiceInterface):
    """A timedated with one property."""

    def __init__(self, synchronised: bool) -> None:
        super().__init__(TIMEDATE)
        self._synchronised = synchronised

    @dbus_property(name="NTPSynchronized", access=PropertyAccess.READ)
    def synchronised(self) -> "b":  # type: ignore[name-defined] # noqa: F821
        return self._synchronised


@pytest.mark.parametrize("synchronised", [True, False])
async def test_synchronisation_is_that_of_timedated(
    system_bus: PrivateBus, synchronised: bool
) -> None:
    service = await MessageBus(bus_address=system_bus.address).connect()
    service.export(TIMEDATE_PATH, Timedate(synchronised))
    await service.request_name(TIMEDATE)

    found = await describe_synchronisation(system_bus.address)
    service.disconnect()

    assert found == ("synchronised" if synchronised else "not synchronised")
