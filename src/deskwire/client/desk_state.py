"""What the line has said so far: the newest snapshot, the connection's state, what was refused."""

import asyncio
from collections.abc import Callable
from typing import Self

from deskwire.client.connection_state import Phase, State
from deskwire.client.in_flight import InFlight
from deskwire.client.problems import NotConnected, as_problem
from deskwire.model.problems import Problem
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.messages import ErrorMessage


class Heard:
    """Keeps it, and wakes who waits for more."""

    def __init__(
        self,
        on_state: Callable[[State], None] | None,
        on_refusal: Callable[[Problem], None] | None,
    ) -> None:
        self._on_state = on_state
        self._on_refusal = on_refusal
        self._news = asyncio.Event()
        self._over: asyncio.Task[None] | None = None
        self.state = State(phase=Phase.CONNECTING)
        self.snapshot: Snapshot | None = None
        self.revision = 0
        """How many snapshots there were."""
        self.in_flight = InFlight()

    # ---- what the line tells ---------------------------------------------------------------------

    def show(self, snapshot: Snapshot) -> None:
        """Take a reading."""
        self.snapshot = snapshot
        self.revision += 1
        self.in_flight.show(snapshot, Seconds(asyncio.get_running_loop().time()))
        self._wake()

    def refuse(self, refusal: ErrorMessage) -> None:
        """Take a refusal."""
        problem = as_problem(refusal.code, refusal.message)
        if not self.in_flight.refuse(problem) and self._on_refusal is not None:
            self._on_refusal(problem)

    def become(self, state: State) -> None:
        """Take the line's new state."""
        self.state = state
        if state.phase in (Phase.WAITING, Phase.ENDED):
            self.in_flight.give_up(NotConnected("the connection was lost; it may be done or not"))
        if self._on_state is not None:
            self._on_state(state)

    def end(self, line: "asyncio.Task[None]") -> None:
        """Take note that the line is over, and how."""
        if self.state.phase is not Phase.ENDED:
            self.become(State(phase=Phase.ENDED))
        self._over = line
        self._wake()

    # ---- who waits -------------------------------------------------------------------------------

    async def newer(self, than: int) -> Snapshot | None:
        """Return the newest snapshot once there have been more than `than`; `None` at the end.

        Raises what ended the line.
        """
        while self.revision <= than:
            if self._over is not None:
                if not self._over.cancelled():
                    self._over.result()
                return None
            await self._news.wait()
        return self.snapshot

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Snapshots:
    """Iterates over a desk's snapshots; slow ones skip to the newest."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._seen = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Snapshot:
        """Return the next snapshot."""
        newer = await self._heard.newer(self._seen)
        if newer is None:
            raise StopAsyncIteration
        self._seen = self._heard.revision
        return newer
