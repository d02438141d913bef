"""The wireless network the desk is on.

Three may know: NetworkManager, iwd, and the kernel (nl80211). The first of them that manages an
adapter speaks; so a NetworkManager that only minds cables, or was told to leave the adapter to
somebody else, is passed by, and the kernel, which knows every adapter, speaks where no service
does or where the system bus is away. Who speaks may change at any moment within one watch: the bus
tells of a service that comes or goes, and the next in the row answers at once.

Whatever may change the reading rings one bell, and the reading is made anew after it has rung. So
a burst of signals is one reading, and there is never more than one being made.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from typing import NamedTuple

from deskwire.devices.dbus.buses import Buses
from deskwire.devices.dbus.objects import Objects, Tree
from deskwire.devices.device import Roots
from deskwire.devices.wireless import iwd, networkmanager
from deskwire.devices.wireless.adapters import Adapter, reading
from deskwire.devices.wireless.nl80211 import Kernel
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Wifi
from deskwire.model.units import Seconds

PATIENCE = Seconds(0.1)
"""How long a bus that is slow or hangs may hold up the first reading, which the kernel can make."""
BUS_AGAIN = Seconds(2.0)
"""How long the kernel speaks alone before the system bus is looked for again."""
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


class WifiDevice:
    """The network of the first connected adapter."""

    def __init__(self, buses: Buses, roots: Roots) -> None:
        self._buses = buses
        self._roots = roots
        self._via = BY_KERNEL

    @property
    def via(self) -> str:
        """Who speaks for the adapters just now."""
        return self._via

    @property
    def absent(self) -> str:
        """What no reading means."""
        return "no wireless adapter"

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
        bell = asyncio.Event()
        kernel = Kernel(self._roots, bell.set)
        followed: Followed = []
        following = asyncio.ensure_future(self._follow(followed, bell.set))
        following.add_done_callback(lambda _: bell.set())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await bell.wait()
            while not following.done():
                bell.clear()
                yield reading(await self._ask(followed, kernel))
                await bell.wait()
            following.result()
        finally:
            kernel.close()
            following.cancel()
            await asyncio.wait({following})

    async def _follow(self, followed: Followed, ring: Callable[[], None]) -> None:
        """Keep `followed` filled with both services while there is a bus, and empty without."""
        with suppress(DeviceUnavailable):
            await self._follow_on_bus(followed, ring)
        ring()
        while True:
            await asyncio.sleep(BUS_AGAIN)
            with suppress(DeviceUnavailable):
                await self._follow_on_bus(followed, ring)

    async def _follow_on_bus(self, followed: Followed, ring: Callable[[], None]) -> None:
        async with AsyncExitStack() as held:
            bus = await held.enter_async_context(self._buses.system())
            held.callback(ring)
            for service in SERVICES:
                objects = Objects(bus, service.name, service.root, service.interfaces, ring)
                await held.enter_async_context(objects.kept())
                held.callback(followed.clear)
                followed.append((service, objects))
            ring()
            await bus.lost()

    async def _ask(self, followed: Followed, kernel: Kernel) -> list[Adapter]:
        for service, objects in followed:
            tree = await objects.tree()
            adapters = service.parse(tree) if tree is not None else []
            if adapters:
                kernel.close()
                self._via = f"{service.label} on the system bus"
                return adapters
        self._via = BY_KERNEL
        return await kernel.adapters()
