"""Timeouts and delays of the client, and the check that a connection is alive.

The interval of `stats` is a setting of the desk, so silence alone proves nothing; only an
unanswered ping does. CLOCK_BOOTTIME includes suspend: after an hour of suspend no ping is sent,
because the desk has closed the connection long ago.
"""

from enum import Enum

from msgspec import Struct

from deskwire.model.units import Seconds


class Timeouts(Struct, frozen=True, kw_only=True):
    """Timeouts and delays in seconds of CLOCK_BOOTTIME, which includes suspend."""

    first: Seconds = Seconds(5)
    """Delay before reconnecting after an abnormal close; doubled from attempt to attempt."""
    longest: Seconds = Seconds(60)
    """Longest delay between two attempts, plus or minus a quarter."""
    restart: Seconds = Seconds(1)
    """Delay before reconnecting after 1001, because most daemons then restart."""
    later: Seconds = Seconds(30)
    """Delay before reconnecting to a desk with too many sockets."""
    stable: Seconds = Seconds(5)
    """Lifetime after which a connection counts as stable and resets the delays."""
    login_accepted: Seconds = Seconds(60)
    """Lifetime after which a refused login may be replaced once more."""
    silence: Seconds = Seconds(10)
    """Silence after which the client sends a ping."""
    pong: Seconds = Seconds(5)
    """Timeout for the answer to a ping."""
    asleep: Seconds = Seconds(60)
    """Silence that means that this machine was suspended; no ping is sent."""
    opening: Seconds = Seconds(10)
    """Timeout of one request, and of a socket from its opening to its first `stats`."""
    effect: Seconds = Seconds(1.5)
    """Time to wait for the effect of a command or an error; the desk gives a player 1 s."""
    closing: Seconds = Seconds(1)
    """Timeout for closing a socket and for logging out."""


class LivenessCheck(Enum):
    """Result of a check."""

    FINE = "fine"
    ASK = "ask"
    """Ping now."""
    DEAD = "dead"
    """Drop it."""


class Liveness:
    """Silence of one socket."""

    def __init__(self, timeouts: Timeouts, now: Seconds) -> None:
        self._timeouts = timeouts
        self._last_received = now
        self._ping_sent: Seconds | None = None

    def received(self, now: Seconds) -> None:
        """Record that something was received."""
        self._last_received = now
        self._ping_sent = None

    def silent(self, now: Seconds) -> Seconds:
        """Return the seconds since something was received."""
        return Seconds(now - self._last_received)

    def check(self, now: Seconds) -> LivenessCheck:
        """Check the silence; `now` never decreases."""
        silent = self.silent(now)
        if silent >= self._timeouts.asleep:
            return LivenessCheck.DEAD
        if self._ping_sent is not None:
            return (
                LivenessCheck.DEAD
                if now - self._ping_sent >= self._timeouts.pong
                else LivenessCheck.FINE
            )
        if silent < self._timeouts.silence:
            return LivenessCheck.FINE
        self._ping_sent = now
        return LivenessCheck.ASK
