"""Faults for testing clients: closes, pauses and malformed messages at given times.

    close=CODE@SECONDS    close the socket with a code; 1006 aborts the connection. After 4001 the
                          login has ended, after 4004 the token has expired.
    slow@SECONDS          send nothing for ten seconds (slow=SPAN@SECONDS: for SPAN seconds)
    garbage@SECONDS       send malformed messages, which a client must survive

The seconds count from the first authenticated client. A fault affects every socket that is open at
that time, once.
"""

import asyncio
import re
from collections.abc import Callable, Iterable

from msgspec import Struct

from deskwire.auth.logins import Logins
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
"""Close codes of faults besides 1006, with the reason that a desk sends."""
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
    """One fault."""

    kind: str
    """`close`, `set_paused` or `garbage`."""
    at: Seconds
    value: float = 0.0
    """Close code, or length of the pause in seconds."""


def parse_fault(text: str) -> Fault:
    """Parse a fault; raises `ValueError` that says what was expected."""
    match = _FAULT.fullmatch(text.strip())
    kind = match["kind"] if match else ""
    value = match["value"] if match else None
    if match is None or kind not in ("close", "slow", "garbage"):
        raise ValueError("expected close=CODE@SECONDS, slow@SECONDS or garbage@SECONDS")
    at = Seconds(float(match["at"]))
    if kind == "close":
        codes = [*map(int, REASONS), int(CloseCode.ABNORMAL)]
        if value is None or not value.isdecimal() or int(value) not in codes:
            raise ValueError(
                f"expected one of these close codes: {', '.join(map(str, sorted(codes)))}"
            )
        return Fault(kind, at, float(value))
    if kind == "slow":
        return Fault(kind, at, SLOW_FOR if value is None else float(value))
    if value is not None:
        raise ValueError("expected garbage@SECONDS")
    return Fault(kind, at)


class FaultyBroadcaster(Broadcaster):
    """A broadcaster that can pause and send malformed messages."""

    _paused = False

    def newest(self) -> bytes | None:
        """Return the newest frame; `None` during a pause."""
        return None if self._paused else super().newest()

    def receive(self, update: Update) -> None:
        """Write an update to every client, except during a pause."""
        if not self._paused:
            super().receive(update)

    def set_paused(self, set_paused: bool) -> None:
        """Start or end a pause."""
        self._paused = set_paused
        if frame := self.newest():
            self.send_to_all(frame)

    def send_garbage(self) -> None:
        """Send all of `GARBAGE` to every client."""
        self.send_to_all(b"".join(text_frame(each.encode()) for each in GARBAGE))


class FaultySessionRegistry(SessionRegistry):
    """A session registry whose sockets can be closed by a fault."""

    def __init__(self, limits: SocketLimits) -> None:
        super().__init__(limits)
        self._admitted: dict[Socket, Grant] = {}
        self._expired_tokens: set[str] = set()
        self.on_first: Callable[[], None] = lambda: None
        """Callback for each authenticated client."""

    @property
    def logins(self) -> frozenset[LoginId]:
        """Logins of all open sockets."""
        return frozenset(grant.login for grant in self._admitted.values())

    def authenticate(self, socket: Socket, grant: Grant) -> bool:
        """Authenticate a socket, and remember its grant."""
        accepted = super().authenticate(socket, grant)
        if accepted:
            self._admitted[socket] = grant
            self.on_first()
        return accepted

    def remove(self, socket: Socket) -> None:
        """It is closed."""
        self._admitted.pop(socket, None)
        super().remove(socket)

    def close_sockets(self, code: CloseCode) -> None:
        """Close every authenticated socket with this code; 4004 also expires its token."""
        for socket, grant in list(self._admitted.items()):
            if code is CloseCode.ABNORMAL:
                socket.abort()
                continue
            if code is CloseCode.TOKEN_EXPIRED:
                self._expired_tokens.add(grant.token)
            socket.close(code, REASONS[code])

    def wrap_verify(self, verify: VerifyFor) -> VerifyFor:
        """Return a verifier that refuses tokens that a fault has expired."""

        def verify_still(token: str, desk: str, now: Instant) -> Grant:
            grant = verify(token, desk, now)
            if grant.token in self._expired_tokens:
                raise TokenExpired("a fault has expired this token")
            return grant

        return verify_still


class FaultScheduler:
    """Runs each fault at its time after the first authenticated client."""

    def __init__(
        self,
        faults: Iterable[Fault],
        broadcaster: FaultyBroadcaster,
        sockets: FaultySessionRegistry,
        logins: Logins,
    ) -> None:
        self._faults = sorted(faults, key=lambda fault: fault.at)
        self._broadcaster = broadcaster
        self._sockets = sockets
        self._logins = logins
        self._began = asyncio.Event()
        self._paused = 0
        sockets.on_first = self._began.set

    async def run(self) -> None:
        """Wait for the first client, then run all faults."""
        await self._began.wait()
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as together:
            for fault in self._faults:
                together.create_task(self._run_at(Seconds(began + fault.at), fault))

    async def _run_at(self, when: Seconds, fault: Fault) -> None:
        await asyncio.sleep(when - asyncio.get_running_loop().time())
        match fault.kind:
            case "slow":
                await self._pause_for(Seconds(fault.value))
            case "garbage":
                self._broadcaster.send_garbage()
            case _ if fault.value == CloseCode.AUTH_FAILED:
                for login in self._sockets.logins:
                    await self._logins.end(login)
            case _:
                self._sockets.close_sockets(CloseCode(int(fault.value)))

    async def _pause_for(self, span: Seconds) -> None:
        self._paused += 1
        self._broadcaster.set_paused(True)
        await asyncio.sleep(span)
        self._paused -= 1
        self._broadcaster.set_paused(self._paused > 0)
