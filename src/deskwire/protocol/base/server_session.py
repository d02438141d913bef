"""Server side of a session: the reaction to each message of a client, and to the time.

    waiting ──auth, good──▶ live ──deadline - warning──▶ live, warned ──deadline──▶ ended 4004
       │                      │                              │
       │ auth, bad or late    └── bad second auth, revoked ──┴──▶ ended 4001
       │ anything else            ten malformed in 10 s ────────▶ ended 1008
       └──▶ ended 4001 (a genuine but expired token: 4004)

`deskwire.v1` has the same phases, and handles the messages of a live client in its own way: see
`protocol/extended/server_session.py`.

The session has no socket, no clock and no task. It takes messages and the time, and returns
effects. The time is CLOCK_BOOTTIME (`Instant.boot`) and is checked at every call. `deadline` tells
when to call `tick` next. No effect follows a `Close`.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from deskwire.model.access import Grant
from deskwire.model.commands import Command
from deskwire.model.instant import Instant, local_time
from deskwire.model.problems import Malformed, Problem, Refused, TokenExpired, UnknownEvent
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import (
    Authenticate,
    ErrorMessage,
    SessionExpiring,
    decode_client_message,
)
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.token_bucket import TokenBucket

Verify = Callable[[str, Instant], Grant]
"""From a websocket token to its grant; raises `TokenExpired` or another `Refused`."""

COMMANDS_PER_SECOND = 10
COMMAND_BURST = 20
EPISODE_GAP = Seconds(0.5)
"""Time without a dropped command that ends an episode of throttling."""
FIRST_STATS_WITHIN = Seconds(0.3)
"""Delay of the warning to a client that joins late, so that it gets `stats` first."""
MALFORMED_LIMIT = 10
MALFORMED_WINDOW = Seconds(10)


class SessionPolicy(Struct, frozen=True):
    """Settings of a session."""

    auth_timeout: Seconds
    """Time for the `auth` message after the opening."""
    warning: Seconds
    """Time between `session expiring` and the end of the session."""
    literal_names: bool = False
    """Whether `session expiring ` has the trailing space of the contract's example."""


class Admit(Struct, frozen=True):
    """Stream to the client, which is authenticated."""

    grant: Grant


class Perform(Struct, frozen=True):
    """Carry out a command, if the grant covers it."""

    command: Command
    grant: Grant
    request: Struct | None = None
    """The message to answer, in `deskwire.v1`."""


class Subscribe(Struct, frozen=True):
    """Replace the topics of this socket, in `deskwire.v1`; no topics end the subscription."""

    topics: tuple[str, ...]
    interval: Seconds
    """Shortest time between two readings of a polled device."""
    id: int | None = None
    """Id for the answer."""


class Send(Struct, frozen=True):
    """Send a message of the session's protocol."""

    message: Struct


class Close(Struct, frozen=True):
    """Close the socket and send nothing more."""

    code: CloseCode
    reason: str


Effect = Admit | Perform | Subscribe | Send | Close


class _Phase(Enum):
    WAITING = "waiting"
    LIVE = "live"
    ENDED = "ended"


class ServerSession:
    """The session of one socket, from its opening to its close."""

    def __init__(self, opened: Instant, *, verify: Verify, policy: SessionPolicy) -> None:
        self._verify = verify
        self._warning = policy.warning
        self._phase = _Phase.WAITING
        self._auth_deadline = Seconds(opened.boot + policy.auth_timeout)
        self._grant: Grant | None = None
        self._warn_at = Seconds(0.0)
        self._warned = False
        self._command_rate = TokenBucket(COMMANDS_PER_SECOND, COMMAND_BURST)
        self._dropped_at = Seconds(-math.inf)
        self._malformed_at: deque[Seconds] = deque(maxlen=MALFORMED_LIMIT)

    @property
    def grant(self) -> Grant | None:
        """Grant of the client; `None` before a good `auth`."""
        return self._grant

    @property
    def deadline(self) -> Seconds | None:
        """Time of the next call of `tick`, on CLOCK_BOOTTIME; `None` once the session has ended."""
        if self._phase is _Phase.WAITING:
            return self._auth_deadline
        if self._phase is _Phase.LIVE and self._grant is not None:
            return self._grant.deadline if self._warned else self._warn_at
        return None

    def receive(self, text: str, now: Instant) -> list[Effect]:
        """Handle one text message."""
        effects = self.tick(now)
        if self._phase is _Phase.ENDED:
            return effects
        if self._phase is _Phase.WAITING or self._grant is None:
            return effects + self._authenticate(text, now)
        return effects + self._handle(text, now, self._grant)

    def tick(self, now: Instant) -> list[Effect]:
        """Check the time."""
        if self._phase is _Phase.WAITING and now.boot >= self._auth_deadline:
            return self.end(CloseCode.AUTH_FAILED, "no auth message in time")
        if self._phase is _Phase.LIVE and self._grant is not None:
            if now.boot >= self._grant.deadline:
                return self.end(CloseCode.TOKEN_EXPIRED, "token expired")
            if not self._warned and now.boot >= self._warn_at:
                self._warned = True
                clock = time.strftime("%H:%M:%S", local_time(now.wall))
                return [Send(self._expiring(clock, now, self._grant.deadline))]
        return []

    def end(self, code: CloseCode, reason: str) -> list[Effect]:
        """End the session: the login was revoked, the socket replaced, or the daemon stops."""
        if self._phase is _Phase.ENDED:
            return []
        self._phase = _Phase.ENDED
        return [Close(code, reason)]

    def _expiring(self, clock: str, now: Instant, deadline: Seconds) -> Struct:  # noqa: ARG002
        """Return the warning; `clock` is the local time, `deadline` is on CLOCK_BOOTTIME."""
        return SessionExpiring(clock)

    def _authenticate(self, text: str, now: Instant) -> list[Effect]:
        try:
            message = decode_client_message(text)
            if not isinstance(message, Authenticate):
                return self.end(CloseCode.AUTH_FAILED, "the first message must be auth")
            self._grant = self._verify(message.token, now)
        except TokenExpired:
            return self.end(CloseCode.TOKEN_EXPIRED, "token expired")
        except Refused:
            return self.end(CloseCode.AUTH_FAILED, "auth failed")
        self._phase = _Phase.LIVE
        self._warn_at = self._warning_time(now, self._grant.deadline)
        return [Admit(self._grant), *self.tick(now)]

    def _warning_time(self, now: Instant, end: Seconds) -> Seconds:
        due, after_stats = Seconds(end - self._warning), Seconds(now.boot + FIRST_STATS_WITHIN)
        return after_stats if due < after_stats < end else due

    def _handle(self, text: str, now: Instant, grant: Grant) -> list[Effect]:
        try:
            message = decode_client_message(text)
        except (Malformed, UnknownEvent) as problem:
            return [Send(error_message(problem)), *self._count_malformed(now)]
        if isinstance(message, Authenticate):
            return self._authenticate_again(message.token, now, grant)
        if self._command_rate.take(now.boot):
            return [Perform(message, grant)]
        if not self._is_new_episode(now):
            return []
        return [Send(ErrorMessage("throttled", "too many commands; some were dropped"))]

    def _is_new_episode(self, now: Instant) -> bool:
        """Note a dropped command; return whether it is the first of a burst."""
        is_new = now.boot - self._dropped_at >= EPISODE_GAP
        self._dropped_at = now.boot
        return is_new

    def _authenticate_again(self, token: str, now: Instant, grant: Grant) -> list[Effect]:
        try:
            again = self._verify(token, now)
        except Refused:
            return self.end(CloseCode.AUTH_FAILED, "auth failed")
        if again.user != grant.user:
            return self.end(CloseCode.AUTH_FAILED, "auth of another user")
        return []

    def _count_malformed(self, now: Instant) -> list[Effect]:
        self._malformed_at.append(now.boot)
        full = len(self._malformed_at) == MALFORMED_LIMIT
        if full and now.boot - self._malformed_at[0] <= MALFORMED_WINDOW:
            return self.end(CloseCode.POLICY, "too much malformed input")
        return []


def error_message(problem: Problem) -> ErrorMessage:
    """Return the message that tells a client about a problem."""
    return ErrorMessage(problem.code, problem.message)
