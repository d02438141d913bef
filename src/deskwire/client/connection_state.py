"""How a desk's connection is, as a screen may tell its user.

connecting ──first stats──▶ live ──session expiring──▶ expiring ──the next is live──▶ live
    ▲                        └───────── closed ─────────────┘
    └──── waiting ◀── closed or failed, tries again ──┘      ended: it does not
"""

from enum import Enum

from msgspec import Struct

from deskwire.model.problems import Problem
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import NextStep


class Phase(Enum):
    """Where the connection is."""

    CONNECTING = "connecting"
    LIVE = "live"
    EXPIRING = "expiring"
    """Live; the next session is being opened."""
    WAITING = "waiting"
    """Not connected; tries again at `State.again`."""
    ENDED = "ended"
    """Over: left, told so by the desk, or given up; `State.problem` says why."""


class State(Struct, frozen=True, kw_only=True):
    """How the connection is; instants are CLOCK_BOOTTIME (`read_clock().boot`)."""

    phase: Phase
    ends: Seconds | None = None
    """When the live session ends; `None` while there is none, or where the token does not say."""
    again: Seconds | None = None
    """When the next try is, while waiting."""
    close_code: int | None = None
    """How the last socket ended, while not live."""
    next: NextStep | None = None
    """What the contract has a client do about it."""
    problem: Problem | None = None
    """Why it is not live, where there is more to say than the close code."""
