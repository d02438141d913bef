"""State of a desk as the client knows it.

`ConnectionState` describes the connection:

    connecting ──first stats──▶ live ──session expiring──▶ expiring ──the next is live──▶ live
        ▲                        └───────── closed ─────────────┘
        └──── waiting ◀── closed or failed, retries ──┘      ended: it does not retry

`HandoverFilter` orders the snapshots while two sockets overlap. `DeskState` holds the newest
snapshot, the connection state and the pending commands, and wakes tasks that wait for a change.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Self

from msgspec import Struct

from deskwire.client.pending_commands import PendingCommands
from deskwire.client.problems import NotConnected, problem_of
from deskwire.model.problems import Problem
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import ErrorMessage
from deskwire.protocol.close_codes import NextStep


class Phase(Enum):
    """Phase of the connection."""

    CONNECTING = "connecting"
    LIVE = "live"
    EXPIRING = "expiring"
    """Live; the next session is being opened."""
    WAITING = "waiting"
    """Not connected; the next attempt is at `ConnectionState.retry_at`."""
    ENDED = "ended"
    """Ended by the client or the desk, or given up; `ConnectionState.problem` says why."""


class ConnectionState(Struct, frozen=True, kw_only=True):
    """State of the connection; times are CLOCK_BOOTTIME (`read_clock().boot`)."""

    phase: Phase
    ends: Seconds | None = None
    """End of the live session; `None` without one, or if the token does not say."""
    retry_at: Seconds | None = None
    """Time of the next attempt while waiting."""
    close_code: int | None = None
    """Close code of the last socket while not live."""
    next: NextStep | None = None
    """Action that the contract requires."""
    problem: Problem | None = None
    """Reason in addition to the close code."""


FRAMES_CHECKED = 3
"""Number of first frames of a new socket that are checked."""


class HandoverFilter:
    """The last snapshot passed on."""

    def __init__(self) -> None:
        self._text = ""
        self._shown: Snapshot | None = None
        self._frames_to_check = 0

    def begin_handover(self) -> None:
        """A new socket takes over from now on."""
        self._frames_to_check = FRAMES_CHECKED

    def admits(self, text: str, snapshot: Snapshot) -> bool:
        """Return whether to pass on a snapshot, and remember it if so.

        `text` is the whole message.
        """
        if self._frames_to_check:
            self._frames_to_check -= 1
            if text == self._text or is_older(snapshot, self._shown):
                return False
            self._frames_to_check = 0
        self._text, self._shown = text, snapshot
        return True


def is_older(one: Snapshot, other: Snapshot | None) -> bool:
    """Return whether `one` is certainly older than `other`, both of the same run of one desk."""
    if other is None:
        return False
    if one.uptime and other.uptime and one.uptime.up != other.uptime.up:
        return one.uptime.up < other.uptime.up
    if one.network and other.network:
        passed = (one.network.received, one.network.sent)
        before = (other.network.received, other.network.sent)
        return passed != before and passed[0] <= before[0] and passed[1] <= before[1]
    return False


class DeskState:
    """Newest snapshot and connection state; wakes tasks that wait for a change."""

    def __init__(
        self,
        on_state: Callable[[ConnectionState], None] | None,
        on_refusal: Callable[[Problem], None] | None,
    ) -> None:
        self._on_state = on_state
        self._on_refusal = on_refusal
        self._changed = asyncio.Event()
        self._over: asyncio.Task[None] | None = None
        self.state = ConnectionState(phase=Phase.CONNECTING)
        self.snapshot: Snapshot | None = None
        self.revision = 0
        """Number of snapshots so far."""
        self.pending_commands = PendingCommands()

    # ---- called by the connection manager --------------------------------------------------------

    def show(self, snapshot: Snapshot) -> None:
        """Receive a snapshot."""
        self.snapshot = snapshot
        self.revision += 1
        self.pending_commands.show(snapshot, Seconds(asyncio.get_running_loop().time()))
        self._wake()

    def refuse(self, refusal: ErrorMessage) -> None:
        """Receive an error event."""
        problem = problem_of(refusal.code, refusal.message)
        if not self.pending_commands.refuse(problem) and self._on_refusal is not None:
            self._on_refusal(problem)

    def set_state(self, state: ConnectionState) -> None:
        """Receive the new state of the connection."""
        self.state = state
        if state.phase in (Phase.WAITING, Phase.ENDED):
            self.pending_commands.give_up(
                NotConnected("the connection was lost; the command may have been carried out")
            )
        if self._on_state is not None:
            self._on_state(state)

    def end(self, line: "asyncio.Task[None]") -> None:
        """Record the end of the connection manager's task."""
        if self.state.phase is not Phase.ENDED:
            self.set_state(ConnectionState(phase=Phase.ENDED))
        self._over = line
        self._wake()

    # ---- waiting ---------------------------------------------------------------------------------

    async def newer(self, than: int) -> Snapshot | None:
        """Return the newest snapshot once there are more than `than`; `None` at the end.

        Raises the problem that ended the connection.
        """
        while self.revision <= than:
            if self._over is not None:
                if not self._over.cancelled():
                    self._over.result()
                return None
            await self._changed.wait()
        return self.snapshot

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Snapshots:
    """Iterator over snapshots; a slow consumer skips to the newest."""

    def __init__(self, state: DeskState) -> None:
        self._state = state
        self._seen = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Snapshot:
        """Return the next snapshot."""
        newer = await self._state.newer(self._seen)
        if newer is None:
            raise StopAsyncIteration
        self._seen = self._state.revision
        return newer
