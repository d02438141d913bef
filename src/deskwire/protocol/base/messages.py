"""What is said on a socket, typed. What it looks like on the wire is `codec`'s business.

screen -> desk     Authenticate, then any number of PlayerCommands
desk -> screen     Stats, SessionExpiring, ErrorMessage
"""

from msgspec import Struct

from deskwire.model.commands import PlayerCommand
from deskwire.model.readings import Snapshot


class Authenticate(Struct, frozen=True):
    """The first thing a screen says."""

    token: str

    def __repr__(self) -> str:
        return "Authenticate(token=…)"


class Stats(Struct, frozen=True):
    """How the desk is."""

    snapshot: Snapshot


class SessionExpiring(Struct, frozen=True):
    """The session is about to end."""

    at: str
    """Local time of sending, `HH:MM:SS`."""


class ErrorMessage(Struct, frozen=True):
    """Why something was not done."""

    code: str
    """A problem's stable code, `model/problems`."""
    message: str


ClientMessage = Authenticate | PlayerCommand
ServerMessage = Stats | SessionExpiring | ErrorMessage
