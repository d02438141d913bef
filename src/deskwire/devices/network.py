"""What passed over the network since boot.

Source: /proc/net/dev, proc_pid_net(5). An interface's counters begin anew when it is taken out and
put in again or its driver is loaded anew, so the totals are kept here, as the sum of what each
interface's counters grew by: they never go backwards while the daemon runs.
"""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import NamedTuple

from deskwire.devices.device import Roots, poll
from deskwire.devices.kernel.interfaces import real_interfaces
from deskwire.devices.kernel.kernel_file import KernelFile
from deskwire.devices.ticker import Ticker
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Network
from deskwire.model.units import Bytes


class Counters(NamedTuple):
    """Bytes that passed over one interface since it was made."""

    received: int
    sent: int


class NetworkDevice:
    """The real interfaces together; `interfaces` says which those are."""

    absent = "no network"

    def __init__(self, roots: Roots, ticker: Ticker) -> None:
        self._path = roots.proc / "net/dev"
        self._sys = roots.sys
        self._ticker = ticker
        self._totals = Totals()
        self._names: frozenset[str] | None = None
        self._real: frozenset[str] = frozenset()

    @property
    def via(self) -> str:
        """The file."""
        return str(self._path)

    async def watch(self) -> AsyncGenerator[Network | None, None]:
        """Yield the totals, now and at each interval; they go on growing from watch to watch."""
        with KernelFile(self._path) as dev:
            async with aclosing(poll(lambda: self._read(dev), self._ticker)) as readings:
                async for reading in readings:
                    yield reading

    def _read(self, dev: KernelFile) -> Network:
        counters = parse_net_dev(dev.read_whole())
        if counters.keys() != self._names:
            self._names = frozenset(counters)
            self._real = real_interfaces(self._names, self._sys)
        return self._totals.take({name: counters[name] for name in self._real})


class Totals:
    """Sums that only grow, over interfaces that come, go and begin anew."""

    def __init__(self) -> None:
        self._last: dict[str, Counters] = {}
        self._received = 0
        self._sent = 0

    def take(self, counters: Mapping[str, Counters]) -> Network:
        """Add what each interface's counters grew by and return the sums.

        An interface seen for the first time adds all it has; one whose counters are lower than
        they were began anew. One that is gone is remembered, for it may come back as it was.
        """
        for name, now in counters.items():
            before = self._last.get(name, Counters(0, 0))
            self._received += grown(before.received, now.received)
            self._sent += grown(before.sent, now.sent)
            self._last[name] = now
        return Network(received=Bytes(self._received), sent=Bytes(self._sent))


def grown(before: int, now: int) -> int:
    """Return how much a counter grew by; one that is lower than before began anew at 0."""
    return now - before if now >= before else now


def parse_net_dev(text: bytes) -> dict[str, Counters]:
    """Return each interface's counters by name. Raises `DeviceUnavailable` for anything else."""
    try:
        found = {}
        for line in text.splitlines()[2:]:
            name, _, columns = line.partition(b":")
            numbers = columns.split(None, 9)
            found[os.fsdecode(name.strip())] = Counters(int(numbers[0]), int(numbers[8]))
    except (ValueError, IndexError):
        raise DeviceUnavailable("net/dev is not a table of interfaces") from None
    return found
