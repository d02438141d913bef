"""What goes wrong on purpose, and when, so that a client can rehearse each row of the contract.

    close=CODE@SECONDS    the socket is closed so; 1006 is a connection lost without a word.
                          After 4001 the login has ended, after 4004 the token is over.
    slow@SECONDS          nothing comes for ten seconds (slow=SPAN@SECONDS: for that long)
    garbage@SECONDS       messages that no correct client can use, and none may fall over

The seconds count from when a screen was first let in, and a fault befalls every socket that is open
then, once.
"""

import re
from collections.abc import Callable

from msgspec import Struct

from deskwire.core.publisher import Update
from deskwire.model.access import Grant, LoginId
from deskwire.model.instant import Instant
from deskwire.model.problems import TokenExpired
from deskwire.model.units import Seconds
from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.websocket.serializer import text_frame
from deskwire.server.websocket.broadcaster import Broadcaster
from deskwire.server.websocket.session_registry import SessionRegistry, Socket, SocketLimits

VerifyFor = Callable[[str, str, Instant], Grant]

SLOW_FOR = Seconds(10.0)
REASONS = {
    CloseCode.NORMAL: "",
    CloseCode.GOING_AWAY: "going away",
    CloseCode.POLICY: "too much malformed input",
    CloseCode.TOO_BIG: "too big",
    CloseCode.TRY_LATER: "too many sockets",
    CloseCode.AUTH_FAILED: "login ended",
    CloseCode.TOKEN_EXPIRED: "token expired",
}
"""The codes a fault may have, besides 1006, with what a desk says to each."""
GARBAGE = (
    "",
    "not JSON",
    "[]",
    "{}",
    '{"event":7,"args":[]}',
    '{"event":"stats"}',
    '{"event":"stats","args":[]}',
    '{"event":"stats","args":["not JSON"]}',
    '{"event":"stats","args":["[]"]}',
    '{"event":"stats","args":["{\\"audio\\":null}"]}',
    '{"event":"stats","args":[{"audio":[]}]}',
    '{"event":"session expiring","args":[]}',
    '{"event":"of tomorrow","args":["x"],"more":1}',
    '{"event":"error","args":["{}"]}',
)

NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_FAULT = re.compile(rf"(?P<kind>[a-z]+)(=(?P<value>{NUMBER}))?@(?P<at>{NUMBER})")


class Fault(Struct, frozen=True):
    """One thing that goes wrong, once."""

    kind: str
    """`close`, `slow` or `garbage`."""
    at: Seconds
    value: float = 0.0
    """The close code, or how long it is slow."""


def parse_fault(text: str) -> Fault:
    """Read a fault; raises `ValueError`, which says what was expected."""
    match = _FAULT.fullmatch(text.strip())
    kind = match["kind"] if match else ""
    value = match["value"] if match else None
    if match is None or kind not in ("close", "slow", "garbage"):
        raise ValueError("expected close=CODE@SECONDS, slow@SECONDS or garbage@SECONDS")
    at = Seconds(float(match["at"]))
    if kind == "close":
        codes = [*map(int, REASONS), int(CloseCode.ABNORMAL)]
        if value is None or not value.isdecimal() or int(value) not in codes:
            raise ValueError(f"expected a close code out of {', '.join(map(str, sorted(codes)))}")
        return Fault(kind, at, float(value))
    if kind == "slow":
        return Fault(kind, at, SLOW_FOR if value is None else float(value))
    if value is not None:
        raise ValueError("expected garbage@SECONDS")
    return Fault(kind, at)


class FaultyBroadcaster(Broadcaster):
    """A broadcaster that can send nothing, or garbage."""

    _slow = False

    def newest(self) -> bytes | None:
        """Return the newest frame; `None` also while it is slow."""
        return None if self._slow else super().newest()

    def receive(self, update: Update) -> None:
        """Write an update to every client, unless it is slow."""
        if not self._slow:
            super().receive(update)

    def slow(self, slow: bool) -> None:
        """Hold every frame back, or no longer."""
        self._slow = slow
        if frame := self.newest():
            self.send_to_all(frame)

    def garble(self) -> None:
        """Send all of `GARBAGE` to every client."""
        self.send_to_all(b"".join(text_frame(each.encode()) for each in GARBAGE))


class FaultySockets(SessionRegistry):
    """SessionRegistry that can be closed for no reason of theirs."""

    def __init__(self, limits: SocketLimits) -> None:
        super().__init__(limits)
        self._admitted: dict[Socket, Grant] = {}
        self._over: set[str] = set()
        self.on_first: Callable[[], None] = lambda: None
        """Told when a screen is let in."""

    @property
    def logins(self) -> frozenset[LoginId]:
        """The logins that opened what is open."""
        return frozenset(grant.login for grant in self._admitted.values())

    def authenticate(self, socket: Socket, grant: Grant) -> bool:
        """Seat it, and keep in mind by what."""
        seated = super().authenticate(socket, grant)
        if seated:
            self._admitted[socket] = grant
            self.on_first()
        return seated

    def remove(self, socket: Socket) -> None:
        """It is closed."""
        self._admitted.pop(socket, None)
        super().remove(socket)

    def close_sockets(self, code: CloseCode) -> None:
        """Close every seated socket so; 4004 ends the time of its token, too."""
        for socket, grant in list(self._admitted.items()):
            if code is CloseCode.ABNORMAL:
                socket.abort()
                continue
            if code is CloseCode.TOKEN_EXPIRED:
                self._over.add(grant.token)
            socket.close(code, REASONS[code])

    def verifying(self, verify: VerifyFor) -> VerifyFor:
        """Have a token be over whose socket was closed so."""

        def verify_still(token: str, desk: str, now: Instant) -> Grant:
            grant = verify(token, desk, now)
            if grant.token in self._over:
                raise TokenExpired("the scene says this token is over")
            return grant

        return verify_still
