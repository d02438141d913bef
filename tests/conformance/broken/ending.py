"""Wrong about a session's end, and about how much may be asked of it."""

from collections.abc import Callable
from typing import Any

from deskwire.auth.logins import Logins
from deskwire.auth.throttle import Known, LoginThrottle
from deskwire.model.instant import Instant
from deskwire.protocol.base.server_session import Effect, ServerSession
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.websocket.serializer import text_frame
from deskwire.server.websocket import broadcaster as fanout
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.session_registry import SessionRegistry, Socket, SocketLimits
from deskwire.simulator import wiring
from tests.conformance.broken.variant import Patch, breaks, messages

EXPIRING = "session expiring"


@breaks("9.1")
def warns_twice(patch: Patch) -> None:
    warnings(patch, lambda event, args: [(event, args), (event, args)])


@breaks("9.2")
def warns_in_other_words(patch: Patch) -> None:
    warnings(patch, lambda event, _: [(event, ["4 minutes left"])])


@breaks("9.3")
def warns_by_another_name(patch: Patch) -> None:
    warnings(patch, lambda _, args: [("session_expiring", args)])


@breaks("9.4")
def does_not_warn_who_comes_late(patch: Patch) -> None:
    original = ServerSession._authenticate

    def first(self: ServerSession, text: str, now: Instant) -> list[Effect]:
        self._warned = True
        effects = original(self, text, now)
        left = self._grant.deadline - now.boot if self._grant else 0
        self._warned = left < self._warning
        return effects

    patch.setattr(ServerSession, "_authenticate", first)


@breaks("9.5")
def ends_a_session_as_if_it_were_wanted(patch: Patch) -> None:
    expires(patch, CloseCode.NORMAL, of_sessions=True)


@breaks("9.6")
def has_something_to_say_after_the_close(patch: Patch) -> None:
    original = Connection.close

    def close(self: Connection, code: int | None, reason: str = "") -> None:
        original(self, code, reason)
        self.transport.write(text_frame(b'{"event":"bye","args":[]}'))

    patch.setattr(Connection, "close", close)


@breaks("9.9")
def does_not_tell_expired_from_forged(patch: Patch) -> None:
    expires(patch, CloseCode.AUTH_FAILED, of_sessions=False)


@breaks("10.1")
def pings_every_five_minutes(patch: Patch) -> None:
    patch.setattr(fanout, "PING_INTERVAL", 300)


@breaks("10.2")
def keeps_who_does_not_answer(patch: Patch) -> None:
    patch.setattr(Connection, "abort_if_silent", lambda _: None)


@breaks("10.3")
def lets_a_user_have_forty_sockets(patch: Patch) -> None:
    patch.setattr(wiring, "LIMITS", SocketLimits(total=256, per_user=40, unauthenticated=64))


@breaks("10.4")
def turns_away_who_comes_last(patch: Patch) -> None:
    original = SessionRegistry.add

    def add(self: SessionRegistry, socket: Socket, address: str) -> None:
        original(self, socket, address)
        if len(self) > 60:
            socket.abort()

    patch.setattr(SessionRegistry, "add", add)


@breaks("10.5")
def lets_anybody_guess(patch: Patch) -> None:
    patch.setattr(LoginThrottle, "check", lambda *_: None)


@breaks("10.6")
def keeps_the_owner_out_with_the_guessers(patch: Patch) -> None:
    patch.setattr(Logins, "known", lambda *_: Known.NO)


def expires(patch: Patch, becomes: CloseCode, *, of_sessions: bool) -> None:
    """Let a session, or a token that comes too late for one, expire with another code."""
    original = ServerSession.end

    def end(self: ServerSession, code: CloseCode, reason: str) -> list[Effect]:
        if code is CloseCode.TOKEN_EXPIRED and (self.grant is not None) is of_sessions:
            code = becomes
        return original(self, code, reason)

    patch.setattr(ServerSession, "end", end)


def warnings(patch: Patch, change: Callable[[str, list[Any]], list[tuple[str, list[Any]]]]) -> None:
    """Say other things in the place of the warning."""

    def changed(_: Connection, event: str, args: list[Any]) -> list[tuple[str, list[Any]]]:
        return change(event, args) if event == EXPIRING else [(event, args)]

    messages(patch, changed)
