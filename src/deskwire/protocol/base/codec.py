"""Messages of the base protocol, and their encoding as text.

    client -> server     Authenticate, then any number of player commands
    server -> client     Stats, SessionExpiring, ErrorMessage

Every message is `{"event": NAME, "args": [TEXT, …]}`. The argument of `stats` and of `error` is
JSON in a string. Names are trimmed before they are compared, and unknown keys are ignored.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import Malformed, UnknownEvent
from deskwire.model.readings import PlayerId, Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import decode_json, decode_snapshot, encode_json, encode_snapshot

AUTH = "auth"
STATS = "stats"
SESSION_EXPIRING = "session expiring"
ERROR = "error"
COMMANDS: dict[str, type[PlayerCommand]] = {
    "audio-play-pause": PlayPause,
    "audio-next": Next,
    "audio-previous": Previous,
    "audio-stop": Stop,
}
EVENTS = {command: event for event, command in COMMANDS.items()}

_EXPIRING_TEXT = re.compile(r"\[(\d\d:\d\d:\d\d)\]: Your Session will expire")


class Authenticate(Struct, frozen=True):
    """First message of a client."""

    token: str

    def __repr__(self) -> str:
        return "Authenticate(token=…)"


class Stats(Struct, frozen=True):
    """State of the desk."""

    snapshot: Snapshot


class SessionExpiring(Struct, frozen=True):
    """Warning before the end of the session."""

    at: str
    """Local time of sending, `HH:MM:SS`."""


class ErrorMessage(Struct, frozen=True):
    """Reason why the server did not do something."""

    code: str
    """Stable code of a problem, `model/problems`."""
    message: str


ClientMessage = Authenticate | PlayerCommand
ServerMessage = Stats | SessionExpiring | ErrorMessage


class _Envelope(Struct):
    event: str
    args: list[str] = []


class _Error(Struct):
    code: str
    message: str


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_error = msgspec.json.Decoder(_Error).decode


def error_schema() -> dict[str, Any]:
    """Return the JSON Schema of the argument of `error`."""
    return msgspec.json.schema(_Error)


# ---- server --------------------------------------------------------------------------------------


def decode_client_message(text: str) -> ClientMessage:
    """Decode a client's message; raises `Malformed` or `UnknownEvent`."""
    event, arguments = _unwrap(text)
    if event == AUTH:
        return Authenticate(_first(event, arguments))
    command = COMMANDS.get(event)
    if command is None:
        raise UnknownEvent("unknown event")
    return command(PlayerId(_first(event, arguments)))


def encode_server_message(
    message: ServerMessage, now: Seconds, *, literal_names: bool = False
) -> bytes:
    """Encode a server's message.

    `now` is CLOCK_MONOTONIC, for the positions of players. With `literal_names` the name of
    `session expiring` ends with a space, as in the contract's example.
    """
    match message:
        case Stats(snapshot):
            return _wrap(STATS, encode_snapshot(snapshot, now).decode())
        case SessionExpiring(at):
            name = SESSION_EXPIRING + " " if literal_names else SESSION_EXPIRING
            return _wrap(name, f"[{at}]: Your Session will expire")
        case ErrorMessage(code, text):
            return _wrap(ERROR, encode_json(_Error(code, text)).decode())


# ---- client --------------------------------------------------------------------------------------


def encode_client_message(message: ClientMessage) -> bytes:
    """Encode a client's message."""
    match message:
        case Authenticate(token):
            return _wrap(AUTH, token)
        case PlayerCommand(player):
            return _wrap(EVENTS[type(message)], player)


def decode_server_message(text: str, now: Seconds) -> ServerMessage:
    """Decode a server's message; raises `Malformed` or `UnknownEvent`.

    `now` is CLOCK_MONOTONIC of the client, from which positions count on.
    """
    event, arguments = _unwrap(text)
    match event:
        case "stats":
            return Stats(decode_snapshot(_first(event, arguments), now))
        case "session expiring":
            expiring = _EXPIRING_TEXT.fullmatch(_first(event, arguments))
            return SessionExpiring(expiring[1] if expiring else "")
        case "error":
            error = decode_json(_decode_error, _first(event, arguments))
            return ErrorMessage(error.code, error.message)
        case _:
            raise UnknownEvent("unknown event")


# ---- envelope ------------------------------------------------------------------------------------


def _wrap(event: str, argument: str) -> bytes:
    return encode_json(_Envelope(event, [argument]))


def _unwrap(text: str) -> tuple[str, list[str]]:
    envelope = decode_json(_decode_envelope, text)
    return envelope.event.strip(), envelope.args


def _first(event: str, arguments: list[str]) -> str:
    if not arguments:
        raise Malformed(f"{event} needs an argument")
    return arguments[0]
