"""How the numbers went lately: what sparklines are drawn from.

Snapshots come on change as well as on the beat, so one counts only when half a second has passed
since the last that did, and the uptime, which is read on the beat, is another. A rate is what came
in between, over the time in between.
"""

from collections import deque

from msgspec import Struct

from deskwire.model.readings import Network, Snapshot, Uptime
from deskwire.model.units import Seconds

APART = Seconds(0.5)
KEPT = 240


class Trends(Struct, frozen=True):
    """The newest values last; empty where there is nothing to tell."""

    cpu: tuple[float, ...] = ()
    memory: tuple[float, ...] = ()
    received: tuple[float, ...] = ()
    """Bytes a second."""
    sent: tuple[float, ...] = ()


class History:
    """Takes snapshots, gives trends."""

    def __init__(self) -> None:
        self._cpu: deque[float] = deque(maxlen=KEPT)
        self._memory: deque[float] = deque(maxlen=KEPT)
        self._received: deque[float] = deque(maxlen=KEPT)
        self._sent: deque[float] = deque(maxlen=KEPT)
        self._at: Seconds | None = None
        self._network: Network | None = None
        self._uptime: Uptime | None = None

    def take(self, snapshot: Snapshot, now: Seconds) -> None:
        """Take a snapshot; `now` is CLOCK_MONOTONIC."""
        since = None if self._at is None else now - self._at
        again = snapshot.uptime is not None and snapshot.uptime == self._uptime
        if since is not None and (since < APART or again):
            return
        self._at = now
        self._uptime = snapshot.uptime
        if snapshot.cpu is not None:
            self._cpu.append(snapshot.cpu.busy)
        if snapshot.memory is not None:
            self._memory.append(snapshot.memory.used)
        before, self._network = self._network, snapshot.network
        if since is not None and before is not None and snapshot.network is not None:
            received = snapshot.network.received - before.received
            sent = snapshot.network.sent - before.sent
            self._received.append(max(received, 0) / since)
            self._sent.append(max(sent, 0) / since)

    def trends(self) -> Trends:
        """Return how it went."""
        return Trends(
            tuple(self._cpu), tuple(self._memory), tuple(self._received), tuple(self._sent)
        )
