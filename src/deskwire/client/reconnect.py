"""Policy for reconnecting: the action and the delay after each close code and failed attempt.

    1000         stop; iterators end
    1001         reconnect after 1 s with the same token, because a daemon that restarts sends it
    1006         reconnect after 5 s with the same token; then 10, 20, 40, 60 s, plus or minus a
                 quarter. All unlisted codes (1002, 1008, 1009, 1011, …) are the same. After
                 silence the first attempt is immediate, because more than 5 s have passed
    1013         reconnect after 30 s, with growing delays
    4001         log in again at once; give up if refused again within a minute
    4004         get a new token at once

Each immediate action happens once. If it does not lead to a stable connection, the next attempts
are delayed like all others, so that no fault causes a flood of attempts. A login that the desk
ended over HTTP (401) counts as 4001. A wrong password and an untrusted certificate end the
attempts, because only the user can correct them.

The clock (CLOCK_BOOTTIME) and the random numbers are arguments.
"""

from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from deskwire.client.problems import ClosedByDesk, LoginEnded
from deskwire.client.timeouts import Timeouts
from deskwire.model.problems import (
    Problem,
    Refused,
    Throttled,
    TokenExpired,
    TokenRefused,
)
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode, NextStep, after_close


class ConnectWith(Enum):
    """Token for the next connection."""

    SAME = "the same token"
    NEW = "a new token"
    LOGIN = "a new login"


class Retry(Struct, frozen=True):
    """Try again after a delay."""

    after: Seconds
    connect_with: ConnectWith
    reason: Problem | None = None
    next: NextStep | None = None


class GiveUp(Struct, frozen=True):
    """Stop; with a problem if the user must do something about it."""

    problem: Problem | None


_AT_ONCE = Seconds(0)


class Reconnect:
    """History of attempts, which decides the next one."""

    def __init__(self, timeouts: Timeouts, dice: Callable[[], float]) -> None:
        """`random_number` returns a number in [0, 1)."""
        self._timeouts = timeouts
        self._random_number = dice
        self._live_since: Seconds | None = None
        self._failures = 0
        self._immediate_used: set[Enum | None] = set()
        self._logged_in_again = False

    def live(self, now: Seconds) -> None:
        """Record the first `stats` of a connection."""
        if self._live_since is None:
            self._live_since = now

    def closed(self, code: int, now: Seconds, *, silent: bool = False) -> Retry | GiveUp:
        """Decide after a close; `silent` if the client dropped a silent connection."""
        self._rate_last_connection(now)
        reason = ClosedByDesk(code)
        match after_close(code):
            case _ if code == CloseCode.GOING_AWAY:
                after = self._delay_once(NextStep.STOP, self._timeouts.restart)
                return Retry(after, ConnectWith.SAME, reason, NextStep.RECONNECT)
            case NextStep.STOP:
                return GiveUp(None)
            case NextStep.LOG_IN:
                return self._log_in(LoginEnded("the desk refused a new login at once"), reason)
            case NextStep.REFRESH:
                return Retry(
                    self._delay_once(NextStep.REFRESH, _AT_ONCE),
                    ConnectWith.NEW,
                    reason,
                    NextStep.REFRESH,
                )
            case NextStep.RECONNECT as next_:
                if code == CloseCode.TRY_LATER:
                    after = self._growing_delay(self._timeouts.later)
                elif silent:
                    after = self._delay_once(None, _AT_ONCE)
                else:
                    after = self._growing_delay(self._timeouts.first)
                return Retry(after, ConnectWith.SAME, reason, next_)

    def failed(self, problem: Problem, connect_with: ConnectWith, now: Seconds) -> Retry | GiveUp:
        """Decide after a failed attempt, which was made with `connect_with`."""
        self._rate_last_connection(now)
        if isinstance(problem, TokenRefused | TokenExpired):
            return self._log_in(problem, problem)
        if isinstance(problem, Throttled):
            after = Seconds(max(problem.retry_after, self._growing_delay(self._timeouts.first)))
            return Retry(after, connect_with, problem)
        if isinstance(problem, Refused):
            return GiveUp(problem)
        return Retry(self._growing_delay(self._timeouts.first), connect_with, problem)

    def _rate_last_connection(self, now: Seconds) -> None:
        """Reset delays after a stable connection."""
        lived = 0.0 if self._live_since is None else now - self._live_since
        self._live_since = None
        if lived >= self._timeouts.stable:
            self._failures = 0
            self._immediate_used.clear()
        if lived >= self._timeouts.login_accepted:
            self._logged_in_again = False

    def _log_in(self, at_last: Problem, reason: Problem) -> Retry | GiveUp:
        if self._logged_in_again:
            return GiveUp(at_last)
        self._logged_in_again = True
        return Retry(
            self._delay_once(NextStep.LOG_IN, _AT_ONCE), ConnectWith.LOGIN, reason, NextStep.LOG_IN
        )

    def _delay_once(self, kind: NextStep | None, after: Seconds) -> Seconds:
        """Return `after` the first time for this kind of end, a growing delay later."""
        if kind in self._immediate_used:
            return self._growing_delay(self._timeouts.first)
        self._immediate_used.add(kind)
        return after

    def _growing_delay(self, first: Seconds) -> Seconds:
        """Return a delay that grows with each failure; the first one is exact."""
        failures, self._failures = self._failures, self._failures + 1
        if failures == 0:
            return first
        longest = max(self._timeouts.longest, first)
        grown = min(longest, first * 2.0 ** min(failures, 30))
        return Seconds(grown * (0.75 + self._random_number() / 2))
