"""Client side of a session, mirror of `server_session`: the behaviour of a correct client.

    opened ──auth──▶ waiting ──first stats──▶ live ──session expiring──▶ expiring
                        └──────────── closed(code) in any state ──▶ ended: stop, reconnect, …

Like its mirror it is pure: it takes messages and the time, and returns effects. `now` is the
client's CLOCK_MONOTONIC. It ignores messages that it cannot decode, because a newer server may send
more events.
"""

from enum import Enum

from msgspec import Struct

from deskwire.model.commands import PlayerCommand
from deskwire.model.problems import Malformed, UnknownEvent
from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import (
    Authenticate,
    ErrorMessage,
    SessionExpiring,
    Stats,
    decode_server_message,
    encode_client_message,
)
from deskwire.protocol.close_codes import NextStep, after_close


class SendText(Struct, frozen=True):
    """Send a text message."""

    text: str

    def __repr__(self) -> str:
        return "SendText(…)"


class UpdateSnapshot(Struct, frozen=True):
    """Show this state of the desk."""

    snapshot: Snapshot


class RenewSession(Struct, frozen=True):
    """Get a token and open the next socket: the session ends soon."""


class ReportError(Struct, frozen=True):
    """Report an error of the server."""

    error: ErrorMessage


class EndConnection(Struct, frozen=True):
    """Take the next step after a closed socket."""

    next: NextStep


ClientEffect = SendText | UpdateSnapshot | RenewSession | ReportError | EndConnection


class ClientPhase(Enum):
    """Phase of a session, from the client's view."""

    WAITING = "waiting"
    LIVE = "live"
    EXPIRING = "expiring"
    ENDED = "ended"


class ClientSession:
    """The session of one socket, from the client's view."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.phase = ClientPhase.WAITING

    def open(self) -> list[ClientEffect]:
        """Authenticate, because the socket is open."""
        return [SendText(encode_client_message(Authenticate(self._token)).decode())]

    def command(self, command: PlayerCommand) -> list[ClientEffect]:
        """Send a command; nothing once the session has ended."""
        if self.phase is ClientPhase.ENDED:
            return []
        return [SendText(encode_client_message(command).decode())]

    def receive(self, text: str, now: Seconds) -> list[ClientEffect]:
        """Handle one text message."""
        if self.phase is ClientPhase.ENDED:
            return []
        try:
            message = decode_server_message(text, now)
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
        """Handle the end of the socket; `code` is 1006 without a close frame."""
        if self.phase is ClientPhase.ENDED:
            return []
        self.phase = ClientPhase.ENDED
        return [EndConnection(after_close(code))]
