"""Network traffic since boot.

Source: /proc/net/dev, proc_pid_net(5). An interface's counters restart when the device or its
driver is removed and added again, and drivers report 0 for one reading now and then. The totals are
therefore the sum of each interface's growth, and never decrease while the daemon runs.
"""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import NamedTuple

from deskwire.devices.device import Device, Resources
from deskwire.devices.kernel.interfaces import real_interfaces
from deskwire.devices.kernel.kernel_file import KernelFile
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Network
from deskwire.model.topics import Topic
from deskwire.model.units import Bytes

NO_INDEXES: Mapping[str, int | None] = MappingProxyType({})


class Counters(NamedTuple):
    """Bytes that passed over one interface since it was made."""

    received: int
    sent: int


class NetworkDevice(Device[Network]):
    """The real interfaces together; `interfaces` says which those are."""

    topic = Topic("network", Network, absent="no network", periodic=True)

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self._path = resources.roots.proc / "net/dev"
        self._sys = resources.roots.sys
        self._totals = TrafficTotals()
        self._names: frozenset[str] | None = None
        self._real: dict[str, int | None] = {}
        self.via = str(self._path)

    async def watch(self) -> AsyncGenerator[Network | None, None]:
        """Yield the totals now and at each interval; they continue from watch to watch."""
        with KernelFile(self._path) as dev:
            async with aclosing(self.poll(lambda: self._read(dev))) as readings:
                async for reading in readings:
                    yield reading

    def _read(self, dev: KernelFile) -> Network:
        counters = parse_net_dev(dev.read_whole())
        if counters.keys() != self._names:
            self._names = frozenset(counters)
            self._real = real_interfaces(self._names, self._sys)
        return self._totals.take({name: counters[name] for name in self._real}, self._real)


class Interface:
    """Counters of one interface that have been added to the totals."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._last = Counters(0, 0)
        self._is_lower = False
        """Whether the last reading had a lower counter than the one before."""
        self.was_away = False
        """Whether it was missing in the last reading."""

    def growth(self, now: Counters) -> Counters:
        """Return the growth since the last reading.

        A lower counter is believed at the second reading, or after the interface was away: it was
        reset then, and its whole count is growth.
        """
        received, sent = now.received - self._last.received, now.sent - self._last.sent
        if received < 0 or sent < 0:
            if not (self._is_lower or self.was_away):
                self._is_lower = True
                return Counters(0, 0)
            received = received if received >= 0 else now.received
            sent = sent if sent >= 0 else now.sent
        self._last, self._is_lower, self.was_away = now, False, False
        return Counters(received, sent)


class TrafficTotals:
    """Totals that never decrease, over interfaces that appear, disappear, reset and are renamed."""

    def __init__(self) -> None:
        self._interfaces: dict[int | str, Interface] = {}
        """By index, or by name where the index is unknown."""
        self._received = 0
        self._sent = 0

    def take(
        self, counters: Mapping[str, Counters], indexes: Mapping[str, int | None] = NO_INDEXES
    ) -> Network:
        """Add the growth of each interface's counters and return the totals.

        A new interface adds its whole count. A removed one is remembered, because it may come back
        with its old counters, under a new index.
        """
        keys = {name: indexes.get(name) or name for name in counters}
        for name, now in counters.items():
            grown = self._interface(keys[name], name, set(keys.values())).growth(now)
            self._received += grown.received
            self._sent += grown.sent
        for key in self._interfaces.keys() - set(keys.values()):
            self._interfaces[key].was_away = True
        return Network(received=Bytes(self._received), sent=Bytes(self._sent))

    def _interface(self, key: int | str, name: str, present: set[int | str]) -> Interface:
        found = self._interfaces.get(key)
        if found is None:
            gone = [
                old
                for old, each in self._interfaces.items()
                if each.name == name and old not in present
            ]
            found = self._interfaces.pop(gone[-1]) if gone else Interface(name)
            self._interfaces[key] = found
        found.name = name
        return found


def parse_net_dev(text: bytes) -> dict[str, Counters]:
    """Parse the counters of each interface by name.

    Raises `DeviceUnavailable` for malformed text.
    """
    try:
        found = {}
        for line in text.splitlines()[2:]:
            name, _, columns = line.partition(b":")
            numbers = columns.split(None, 9)
            found[os.fsdecode(name.strip())] = Counters(int(numbers[0]), int(numbers[8]))
    except (ValueError, IndexError):
        raise DeviceUnavailable("net/dev is not a table of interfaces") from None
    return found
