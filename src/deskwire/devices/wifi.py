"""Wireless network of the desk.

There are three sources: NetworkManager, iwd and the kernel (nl80211). The first one that manages an
adapter is used. A NetworkManager that manages only wired devices, or leaves the adapter
unmanaged, is skipped. The kernel knows every adapter and is used without a service or a
system bus. The source may change at any time within one watch, because the bus signals when a
service starts or stops.

Every possible change sets one flag, and one read follows. A burst of signals thus causes one read,
and reads never overlap. A read also follows every ten seconds, because the signals of the kernel
do not reach every container.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from typing import NamedTuple

from deskwire.devices.dbus.objects import Objects, Tree
from deskwire.devices.device import Device, Resources
from deskwire.devices.ticker import ChangeFlag
from deskwire.devices.wireless import iwd, networkmanager
from deskwire.devices.wireless.adapters import Adapter, reading
from deskwire.devices.wireless.nl80211 import KernelAdapters
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Wifi
from deskwire.model.topics import Topic
from deskwire.model.units import Seconds

READ_WAIT = Seconds(0.1)
"""Longest delay of the first reading by a slow bus; the kernel's reading is used then."""
BUS_AGAIN = Seconds(2.0)
"""Interval of connection attempts to the system bus while the kernel is the only source."""
EVERY = Seconds(10.0)
BY_KERNEL = "nl80211 in the kernel"


class Service(NamedTuple):
    """A service on the system bus that may speak for the adapters."""

    label: str
    name: str
    root: str
    interfaces: frozenset[str]
    parse: Callable[[Tree], list[Adapter]]


SERVICES = (
    Service(
        "NetworkManager",
        networkmanager.NAME,
        networkmanager.ROOT,
        networkmanager.INTERFACES,
        networkmanager.parse_adapters,
    ),
    Service("iwd", iwd.NAME, iwd.ROOT, iwd.INTERFACES, iwd.parse_adapters),
)

Followed = list[tuple[Service, Objects]]


class WifiDevice(Device[Wifi]):
    """The network of the first connected adapter."""

    topic = Topic("wifi", Wifi, absent="no wireless adapter")

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self.via = BY_KERNEL
        self._buses = resources.buses
        self._roots = resources.roots

    async def watch(self) -> AsyncGenerator[Wifi | None, None]:
        """Yield the network now, then each change.

        Raises `DeviceUnavailable` only where there is an adapter and not even the kernel may be
        asked about it.
        """
        async with aclosing(self._readings()) as readings:
            last = await anext(readings)
            yield last
            async for now in readings:
                if now != last:
                    last = now
                    yield now

    async def _readings(self) -> AsyncGenerator[Wifi | None, None]:
        changed = ChangeFlag()
        kernel = KernelAdapters(self._roots, changed.set)
        followed: Followed = []
        following = asyncio.ensure_future(self._follow(followed, changed.set))
        following.add_done_callback(lambda _: changed.set())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_WAIT):
                    await changed.wait(self.pace, None)
            while not following.done():
                yield reading(await self._refresh(followed, kernel))
                await changed.wait(self.pace, EVERY)
            following.result()
        finally:
            kernel.close()
            following.cancel()
            await asyncio.wait({following})

    async def _follow(self, followed: Followed, changed: Callable[[], None]) -> None:
        """Keep `followed` filled with both services while there is a bus, and empty without."""
        with suppress(DeviceUnavailable):
            await self._follow_on_bus(followed, changed)
        changed()
        while True:
            await asyncio.sleep(BUS_AGAIN)
            with suppress(DeviceUnavailable):
                await self._follow_on_bus(followed, changed)

    async def _follow_on_bus(self, followed: Followed, changed: Callable[[], None]) -> None:
        async with AsyncExitStack() as held:
            bus = await held.enter_async_context(self._buses.system())
            held.callback(changed)
            for service in SERVICES:
                objects = Objects(bus, service.name, service.root, service.interfaces, changed)
                await held.enter_async_context(objects.following())
                held.callback(followed.clear)
                followed.append((service, objects))
            changed()
            await bus.lost()

    async def _refresh(self, followed: Followed, kernel: KernelAdapters) -> list[Adapter]:
        for service, objects in followed:
            tree = await objects.tree()
            adapters = service.parse(tree) if tree is not None else []
            if adapters:
                kernel.close()
                self.via = f"{service.label} on the system bus"
                return adapters
        self.via = BY_KERNEL
        return await kernel.adapters()
