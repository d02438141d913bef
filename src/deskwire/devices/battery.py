"""Charge of the system batteries, and whether the desk is plugged in.

UPower is the first source, because the desktop itself shows its values; the bus starts it if it
can. Without UPower the kernel's files are read at every uevent and every ten seconds, because many
drivers send a uevent for the plug and none for the charge. One watch switches between both sources
as UPower starts and stops. If UPower reports an impossible charge, the kernel's files are used too.
"""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

from deskwire.devices.dbus.buses import CALL_TIMEOUT, BusLost
from deskwire.devices.device import Device, Resources
from deskwire.devices.kernel.uevents import uevents
from deskwire.devices.power.power_supply import SUBSYSTEM, Supplies, read_supplies
from deskwire.devices.power.upower import UPower, follow_upower
from deskwire.devices.ticker import ChangeFlag
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Battery
from deskwire.model.topics import Topic
from deskwire.model.units import Seconds

VIA_UPOWER = "UPower on the system bus"
EVERY = Seconds(10.0)
EVERY_WITHOUT_BUS = Seconds(2.0)
"""Interval of connection attempts and file reads while there is no system bus."""
FIRST_TIMEOUT = Seconds(0.12)
"""Timeout for the bus and again for UPower; the first reading is due within 250 ms."""
UPOWER_TIMEOUT = Seconds(3.0)
"""Timeout of a later reading, which takes several calls of at most 1 s each."""
STATUS_DELAY = Seconds(5.0)
"""Longest time until a battery notices that the plug was pulled."""

log = logging.getLogger("deskwire.devices")


class BatteryDevice(Device[Battery]):
    """The system batteries, from UPower's signals or the kernel's files."""

    topic = Topic("battery", Battery, absent="no system battery")

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self._sys = resources.roots.sys
        self._via_files = f"{self._sys}/class/{SUBSYSTEM}"
        self._buses = resources.buses
        self._online = False
        """Whether a line was online at the last read."""
        self._unplugged = Seconds(-math.inf)
        """Time at which the last line went offline."""
        self._warned = False
        self.via = self._via_files

    async def watch(self) -> AsyncGenerator[Battery | None, None]:
        """Yield the present state, then each that differs.

        Raises `DeviceUnavailable` when the system bus goes away; without one, it reads files.
        """
        changed = ChangeFlag()

        def on_uevent() -> None:
            if self.via == self._via_files:
                changed.set()

        async with AsyncExitStack() as held:
            held.enter_context(uevents(on_uevent, SUBSYSTEM))
            upower = await self._open(held, changed, FIRST_TIMEOUT)
            if upower is None:
                changed.set()  # try again soon: the timeout may have been too short
            reading = await self._read(upower, FIRST_TIMEOUT)
            yield reading
            while True:
                if upower is None:
                    await changed.wait(self.pace, EVERY_WITHOUT_BUS)
                    upower = await self._open(held, changed, CALL_TIMEOUT)
                else:
                    await changed.wait(self.pace, self._interval())
                last, reading = reading, await self._read(upower, UPOWER_TIMEOUT)
                if reading != last:
                    yield reading

    async def _open(
        self, held: AsyncExitStack, changed: ChangeFlag, timeout: Seconds
    ) -> UPower | None:
        """Follow UPower on the system bus; return `None` without a bus."""
        try:
            async with asyncio.timeout(timeout), AsyncExitStack() as opening:
                bus = await opening.enter_async_context(self._buses.system())
                upower = await opening.enter_async_context(
                    follow_upower(bus, self._sys, changed.set)
                )
                ended = asyncio.ensure_future(bus.lost())
                ended.add_done_callback(lambda _: changed.set())
                opening.callback(ended.cancel)
                await upower.start()
                await held.enter_async_context(opening.pop_all())
        except (TimeoutError, DeviceUnavailable):
            return None
        return upower

    def _interval(self) -> Seconds | None:
        """Return the time until the next read without a signal; `None` is never."""
        if self._just_unplugged():
            return STATUS_DELAY
        return EVERY if self.via == self._via_files else None

    def _just_unplugged(self) -> bool:
        return asyncio.get_running_loop().time() - self._unplugged < STATUS_DELAY

    async def _read(self, upower: UPower | None, timeout: Seconds) -> Battery | None:
        supplies = await self._read_supplies(upower, timeout)
        if self._online and not supplies.online:
            self._unplugged = Seconds(asyncio.get_running_loop().time())
        elif supplies.online:
            self._unplugged = Seconds(-math.inf)
        self._online = supplies.online
        return supplies.reading(just_unplugged=self._just_unplugged())

    async def _read_supplies(self, upower: UPower | None, timeout: Seconds) -> Supplies:
        found = None
        if upower is not None:
            try:
                found = await upower.read(timeout)
            except BusLost:
                raise
            except DeviceUnavailable:
                pass  # UPower is absent or hangs: use the kernel's files
        if found is None or found.problem:
            files = await asyncio.to_thread(read_supplies, self._sys)
            if found is None or files.batteries:
                self._warn(found)
                self.via = self._via_files
                return files
        self._warn(found)
        self.via = VIA_UPOWER
        return found

    def _warn(self, found: Supplies | None) -> None:
        """Log the first impossible charge."""
        if found is not None and found.problem and not self._warned:
            self._warned = True
            log.warning("battery: %s, which is ignored", found.problem)
