"""The desk's half of a session: what to do about each thing a screen says, and when time is up.

    waiting ──auth, good──▶ live ──deadline - warning──▶ live, warned ──deadline──▶ ended 4004
       │                      │                              │
       │ auth, bad or late    └── bad second auth, revoked ──┴──▶ ended 4001
       │ anything else            ten malformed in 10 s ────────▶ ended 1008
       └──▶ ended 4001 (a genuine token whose time is over: 4004)

No socket, no clock and no task: it is told what came and what time it is, and returns what is to
be done. Time is CLOCK_BOOTTIME (`Instant.boot`), judged at every call; `deadline` says when to
call `tick` next. Ended means ended: nothing comes after a `Close`.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from deskwire.model.access import Grant
from deskwire.model.commands import PlayerCommand
from deskwire.model.instant import Instant
from deskwire.model.problems import Malformed, Problem, Refused, TokenExpired, UnknownEvent
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import decode_request
from deskwire.protocol.base.messages import (
    Authenticate,
    ErrorMessage,
    ServerMessage,
    SessionExpiring,
)
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.token_bucket import TokenBucket

Verify = Callable[[str, Instant], Grant]
"""Turn a websocket token into what it allows; raises `TokenExpired` or another `Refused`."""

COMMANDS_A_SECOND = 10
COMMANDS_AT_ONCE = 20
CALM = Seconds(0.5)
"""Without a dropped command for so long, the next that is dropped is a new episode."""
FIRST_STATS_WITHIN = Seconds(0.3)
"""What a screen that comes late is warned after: it sees the desk first."""
MALFORMED_ALLOWED = 10
MALFORMED_WITHIN = Seconds(10)


class Admit(Struct, frozen=True):
    """The screen is who it says: stream to it."""

    grant: Grant


class Perform(Struct, frozen=True):
    """Do this, if the grant covers it."""

    command: PlayerCommand
    grant: Grant


class Send(Struct, frozen=True):
    """Say this."""

    message: ServerMessage


class Close(Struct, frozen=True):
    """Close the socket; nothing is said after it."""

    code: CloseCode
    reason: str


Effect = Admit | Perform | Send | Close


class _Phase(Enum):
    WAITING = "waiting"
    LIVE = "live"
    ENDED = "ended"


class ServerSession:
    """One socket's conversation, from its opening to its close."""

    def __init__(
        self, opened: Instant, *, verify: Verify, auth_timeout: Seconds, warning: Seconds
    ) -> None:
        self._verify = verify
        self._warning = warning
        self._phase = _Phase.WAITING
        self._auth_deadline = Seconds(opened.boot + auth_timeout)
        self._grant: Grant | None = None
        self._warn_at = Seconds(0.0)
        self._warned = False
        self._allowance = TokenBucket(COMMANDS_A_SECOND, COMMANDS_AT_ONCE)
        self._dropped_at = Seconds(-math.inf)
        self._malformed: deque[Seconds] = deque(maxlen=MALFORMED_ALLOWED)

    @property
    def grant(self) -> Grant | None:
        """What the screen may do; `None` before a good auth."""
        return self._grant

    @property
    def deadline(self) -> Seconds | None:
        """When to call `tick` next, on CLOCK_BOOTTIME; `None` when there is nothing to wait for."""
        if self._phase is _Phase.WAITING:
            return self._auth_deadline
        if self._phase is _Phase.LIVE and self._grant is not None:
            return self._grant.deadline if self._warned else self._warn_at
        return None

    def receive(self, text: str, now: Instant) -> list[Effect]:
        """Take one text message."""
        effects = self.tick(now)
        if self._phase is _Phase.ENDED:
            return effects
        if self._phase is _Phase.WAITING or self._grant is None:
            return effects + self._first(text, now)
        return effects + self._next(text, now, self._grant)

    def tick(self, now: Instant) -> list[Effect]:
        """Take note of the time."""
        if self._phase is _Phase.WAITING and now.boot >= self._auth_deadline:
            return self.end(CloseCode.AUTH_FAILED, "no auth in time")
        if self._phase is _Phase.LIVE and self._grant is not None:
            if now.boot >= self._grant.deadline:
                return self.end(CloseCode.TOKEN_EXPIRED, "token expired")
            if not self._warned and now.boot >= self._warn_at:
                self._warned = True
                clock = time.strftime("%H:%M:%S", time.localtime(now.wall))
                return [Send(SessionExpiring(clock))]
        return []

    def end(self, code: CloseCode, reason: str) -> list[Effect]:
        """End it from outside: revoked, replaced, the daemon stops."""
        if self._phase is _Phase.ENDED:
            return []
        self._phase = _Phase.ENDED
        return [Close(code, reason)]

    def _first(self, text: str, now: Instant) -> list[Effect]:
        try:
            message = decode_request(text)
            if not isinstance(message, Authenticate):
                return self.end(CloseCode.AUTH_FAILED, "auth first")
            self._grant = self._verify(message.token, now)
        except TokenExpired:
            return self.end(CloseCode.TOKEN_EXPIRED, "token expired")
        except Refused:
            return self.end(CloseCode.AUTH_FAILED, "auth failed")
        self._phase = _Phase.LIVE
        self._warn_at = self._when_to_warn(now, self._grant.deadline)
        return [Admit(self._grant), *self.tick(now)]

    def _when_to_warn(self, now: Instant, end: Seconds) -> Seconds:
        due, shown = Seconds(end - self._warning), Seconds(now.boot + FIRST_STATS_WITHIN)
        return shown if due < shown < end else due

    def _next(self, text: str, now: Instant, grant: Grant) -> list[Effect]:
        try:
            message = decode_request(text)
        except (Malformed, UnknownEvent) as problem:
            return [Send(error_message(problem)), *self._count_malformed(now)]
        if isinstance(message, Authenticate):
            return self._second_auth(message.token, now, grant)
        if self._allowance.take(now.boot):
            return [Perform(message, grant)]
        calm = now.boot - self._dropped_at >= CALM
        self._dropped_at = now.boot
        return (
            [Send(ErrorMessage("throttled", "too many commands; some were dropped"))]
            if calm
            else []
        )

    def _second_auth(self, token: str, now: Instant, grant: Grant) -> list[Effect]:
        try:
            again = self._verify(token, now)
        except Refused:
            return self.end(CloseCode.AUTH_FAILED, "auth failed")
        if again.user != grant.user:
            return self.end(CloseCode.AUTH_FAILED, "another user")
        return []

    def _count_malformed(self, now: Instant) -> list[Effect]:
        self._malformed.append(now.boot)
        full = len(self._malformed) == MALFORMED_ALLOWED
        if full and now.boot - self._malformed[0] <= MALFORMED_WITHIN:
            return self.end(CloseCode.POLICY, "too much malformed input")
        return []


def error_message(problem: Problem) -> ErrorMessage:
    """Put a problem into words for the screen."""
    return ErrorMessage(problem.code, problem.message)
