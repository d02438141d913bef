"""What to do after a close code or a failed try, and when: the contract's table, with manners.

    1000         nothing: it was meant; whoever iterates comes to the end
    1001         the contract asks for nothing, but a daemon that starts anew says it, and a screen
                 on a wall wants to be back: 1 s later, with the same token
    1006         5 s later with the same token; then 10, 20, 40, 60 s, give or take a quarter. What
                 no table names (1002, 1008, 1009, 1011, …) is the same. A desk that fell silent has
                 been gone for longer than 5 s when that is noticed: the first try is at once
    1013         too many sockets: 30 s later, growing alike
    4001         log in again, at once, once: refused again within a minute, it gives up
    4004         a new token, at once

What is done at once is done so once; when it does not lead to a connection that stays, the next
tries wait like any other, so that no fault on either side becomes a hammer. A login that the desk
ended over HTTP (401) is the same as 4001. A wrong password and a certificate that is not trusted
end it: only a person can mend those.

Pure: the clock (CLOCK_BOOTTIME) and the dice are arguments.
"""

from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from deskwire.client.problems import ClosedByDesk, LoginEnded
from deskwire.client.timeouts import Pace
from deskwire.model.problems import (
    Problem,
    Refused,
    Throttled,
    TokenExpired,
    TokenRefused,
)
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode, NextStep, after_close


class By(Enum):
    """What the next socket is opened with."""

    SAME = "the same token"
    NEW = "a new token"
    LOGIN = "a new login"


class Again(Struct, frozen=True):
    """Try again, so much later."""

    after: Seconds
    by: By
    why: Problem | None = None
    next: NextStep | None = None


class End(Struct, frozen=True):
    """It is over; with a problem where somebody has to do something about it."""

    problem: Problem | None


_AT_ONCE = Seconds(0)


class Reconnect:
    """What was tried so far, and so what is next."""

    def __init__(self, pace: Pace, dice: Callable[[], float]) -> None:
        """`dice` gives a number in [0, 1)."""
        self._pace = pace
        self._dice = dice
        self._live_since: Seconds | None = None
        self._failures = 0
        self._hurried: set[Enum | None] = set()
        self._logged_in_anew = False

    def live(self, now: Seconds) -> None:
        """Take note that a socket has shown its first `stats`."""
        if self._live_since is None:
            self._live_since = now

    def closed(self, code: int, now: Seconds, *, silent: bool = False) -> Again | End:
        """Decide after a close; `silent` where we dropped a desk that said nothing any more."""
        self._judge_life(now)
        why = ClosedByDesk(code)
        match after_close(code):
            case _ if code == CloseCode.GOING_AWAY:
                after = self._soon(NextStep.STOP, self._pace.restart)
                return Again(after, By.SAME, why, NextStep.RECONNECT)
            case NextStep.STOP:
                return End(None)
            case NextStep.LOG_IN:
                return self._log_in(
                    LoginEnded("the desk ended this login again, right after it was made"), why
                )
            case NextStep.REFRESH:
                return Again(self._soon(NextStep.REFRESH, _AT_ONCE), By.NEW, why, NextStep.REFRESH)
            case NextStep.RECONNECT as next_:
                if code == CloseCode.TRY_LATER:
                    after = self._growing(self._pace.later)
                elif silent:
                    after = self._soon(None, _AT_ONCE)
                else:
                    after = self._growing(self._pace.first)
                return Again(after, By.SAME, why, next_)

    def failed(self, problem: Problem, by: By, now: Seconds) -> Again | End:
        """Decide after a try that led to no socket; `by` is what it was made with."""
        self._judge_life(now)
        if isinstance(problem, TokenRefused | TokenExpired):
            return self._log_in(problem, problem)
        if isinstance(problem, Throttled):
            after = Seconds(max(problem.retry_after, self._growing(self._pace.first)))
            return Again(after, by, problem)
        if isinstance(problem, Refused):
            return End(problem)
        return Again(self._growing(self._pace.first), by, problem)

    def _judge_life(self, now: Seconds) -> None:
        """A connection that was good for a while makes good what was before it."""
        lived = 0.0 if self._live_since is None else now - self._live_since
        self._live_since = None
        if lived >= self._pace.steady:
            self._failures = 0
            self._hurried.clear()
        if lived >= self._pace.believed:
            self._logged_in_anew = False

    def _log_in(self, at_last: Problem, why: Problem) -> Again | End:
        if self._logged_in_anew:
            return End(at_last)
        self._logged_in_anew = True
        return Again(self._soon(NextStep.LOG_IN, _AT_ONCE), By.LOGIN, why, NextStep.LOG_IN)

    def _soon(self, kind: NextStep | None, after: Seconds) -> Seconds:
        """Wait only `after`, the first time for this kind of end."""
        if kind in self._hurried:
            return self._growing(self._pace.first)
        self._hurried.add(kind)
        return after

    def _growing(self, first: Seconds) -> Seconds:
        """Wait longer from failure to failure; the first wait is exact."""
        failures, self._failures = self._failures, self._failures + 1
        if failures == 0:
            return first
        longest = max(self._pace.longest, first)
        grown = min(longest, first * 2.0 ** min(failures, 30))
        return Seconds(grown * (0.75 + self._dice() / 2))
