"""Server side of a `deskwire.v1` session.

Log-in, expiry, limits and close codes are those of the base protocol's session. After `auth` the
client subscribes to topics and sends commands. Each message with an id is answered.

Nothing is sent before the first subscription, except `welcome` and answers.
"""

from collections.abc import Mapping

from msgspec import Struct

from deskwire.model.access import Grant, Scope
from deskwire.model.commands import Command
from deskwire.model.instant import Instant
from deskwire.model.problems import (
    Malformed,
    OutOfScope,
    Problem,
    Throttled,
    UnknownEvent,
    UnknownTopic,
)
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import Authenticate
from deskwire.protocol.base.server_session import (
    Effect,
    Perform,
    Send,
    ServerSession,
    SessionPolicy,
    Subscribe,
    Verify,
)
from deskwire.protocol.extended.codec import (
    Request,
    SessionExpiring,
    decode_client_message,
    decode_request,
    expiry,
    failure,
)


class Vocabulary(Struct, frozen=True):
    """Topics and commands of a desk."""

    topics: frozenset[str]
    commands: Mapping[str, type[Command]]
    """By name."""


class ExtendedSession(ServerSession):
    """The session of one socket that negotiated `deskwire.v1`."""

    def __init__(
        self, opened: Instant, *, verify: Verify, policy: SessionPolicy, vocabulary: Vocabulary
    ) -> None:
        super().__init__(opened, verify=verify, policy=policy)
        self._vocabulary = vocabulary

    def _expiring(self, clock: str, now: Instant, deadline: Seconds) -> SessionExpiring:
        return SessionExpiring(clock, expiry(now, deadline))

    def _handle(self, text: str, now: Instant, grant: Grant) -> list[Effect]:
        try:
            request = decode_request(text)
        except Malformed as problem:
            return [Send(failure(problem)), *self._count_malformed(now)]
        try:
            message = decode_client_message(request, self._vocabulary.commands)
        except (Malformed, UnknownEvent) as problem:
            return [Send(failure(problem, request)), *self._count_malformed(now)]
        if isinstance(message, Authenticate):
            return self._authenticate_again(message.token, now, grant)
        if not self._command_rate.take(now.boot):
            return self._drop(request, now)
        if isinstance(message, Subscribe):
            refusal = self._refuse(message, grant)
            return [Send(failure(refusal, request)) if refusal else message]
        return [Perform(message.command, grant, request)]

    def _drop(self, request: Request, now: Instant) -> list[Effect]:
        """Answer a message above the rate; without an id only the first of a burst."""
        is_new_episode = self._is_new_episode(now)
        if request.id is None and not is_new_episode:
            return []
        return [Send(failure(Throttled("too many commands", Seconds(1.0)), request))]

    def _refuse(self, message: Subscribe, grant: Grant) -> Problem | None:
        """Return the problem of a subscription."""
        if message.topics and Scope.MONITOR not in grant.scopes:
            return OutOfScope(f"subscribe needs the scope {Scope.MONITOR}")
        unknown = [topic for topic in message.topics if topic not in self._vocabulary.topics]
        if unknown:
            return UnknownTopic(f"unknown topic: {unknown[0][:64]}")
        return None
