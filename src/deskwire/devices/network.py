"""Network traffic since boot.

Source: /proc/net/dev, proc_pid_net(5). An interface's counters restart when the device or its
driver is removed and added again. The totals are therefore the sum of each interface's growth, and
never decrease while the daemon runs.
"""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import NamedTuple

from deskwire.devices.device import Device, Resources
from deskwire.devices.kernel.interfaces import real_interfaces
from deskwire.devices.kernel.kernel_file import KernelFile
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Network
from deskwire.model.topics import Topic
from deskwire.model.units import Bytes


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
        self._real: frozenset[str] = frozenset()
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
        return self._totals.take({name: counters[name] for name in self._real})


class TrafficTotals:
    """TrafficTotals that never decrease, over interfaces that appear, disappear and reset."""

    def __init__(self) -> None:
        self._last: dict[str, Counters] = {}
        self._received = 0
        self._sent = 0

    def take(self, counters: Mapping[str, Counters]) -> Network:
        """Add the growth of each interface's counters and return the totals.

        A new interface adds its whole count. A counter that decreased was reset. A removed
        interface is remembered, because it may come back with its old counters.
        """
        for name, now in counters.items():
            before = self._last.get(name, Counters(0, 0))
            self._received += growth(before.received, now.received)
            self._sent += growth(before.sent, now.sent)
            self._last[name] = now
        return Network(received=Bytes(self._received), sent=Bytes(self._sent))


def growth(before: int, now: int) -> int:
    """Return the growth of a counter; one that decreased was reset to 0."""
    return now - before if now >= before else now


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
