"""The screen's half of a session, mirror of `server_session`: what a correct client does.

    opened ──auth──▶ waiting ──first stats──▶ live ──session expiring──▶ expiring
                        └──────────── closed(code) in any state ──▶ ended: stop, reconnect, …

Pure as its mirror: told what came and what time it is, it returns what to do. `now` is
CLOCK_MONOTONIC of the screen. What it cannot read it passes over: a newer desk may say more.
"""

from enum import Enum

from msgspec import Struct

from deskwire.model.commands import PlayerCommand
from deskwire.model.problems import Malformed, UnknownEvent
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import decode, encode_request
from deskwire.protocol.base.messages import Authenticate, ErrorMessage, SessionExpiring, Stats
from deskwire.protocol.close_codes import NextStep, after_close


class SendText(Struct, frozen=True):
    """Send this text message."""

    text: str

    def __repr__(self) -> str:
        return "SendText(…)"


class UpdateSnapshot(Struct, frozen=True):
    """The desk is so."""

    snapshot: Snapshot


class RenewSession(Struct, frozen=True):
    """The session ends soon: fetch a token and open the next socket."""


class ReportError(Struct, frozen=True):
    """The desk refused something."""

    refusal: ErrorMessage


class EndConnection(Struct, frozen=True):
    """The socket is closed; do this."""

    next: NextStep


ClientEffect = SendText | UpdateSnapshot | RenewSession | ReportError | EndConnection


class ClientPhase(Enum):
    """Where a session is, as a screen may tell its user."""

    WAITING = "waiting"
    LIVE = "live"
    EXPIRING = "expiring"
    ENDED = "ended"


class ClientSession:
    """One socket's conversation, seen from the screen."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.phase = ClientPhase.WAITING

    def open(self) -> list[ClientEffect]:
        """The socket is open: authenticate at once."""
        return [SendText(encode_request(Authenticate(self._token)).decode())]

    def command(self, command: PlayerCommand) -> list[ClientEffect]:
        """Pass a tap on; nothing once the session has ended."""
        if self.phase is ClientPhase.ENDED:
            return []
        return [SendText(encode_request(command).decode())]

    def receive(self, text: str, now: Seconds) -> list[ClientEffect]:
        """Take one text message."""
        if self.phase is ClientPhase.ENDED:
            return []
        try:
            message = decode(text, now)
        except (Malformed, UnknownEvent):
            return []
        match message:
            case Stats(snapshot):
                if self.phase is ClientPhase.WAITING:
                    self.phase = ClientPhase.LIVE
                return [UpdateSnapshot(snapshot)]
            case SessionExpiring():
                if self.phase is ClientPhase.EXPIRING:
                    return []
                self.phase = ClientPhase.EXPIRING
                return [RenewSession()]
            case ErrorMessage():
                return [ReportError(message)]

    def closed(self, code: int) -> list[ClientEffect]:
        """The socket is closed with `code`; 1006 where no close frame came."""
        if self.phase is ClientPhase.ENDED:
            return []
        self.phase = ClientPhase.ENDED
        return [EndConnection(after_close(code))]
