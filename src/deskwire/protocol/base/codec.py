"""Messages to text and back; the wire's names live here and in `stats`.

Every message is `{"event": NAME, "args": [TEXT, …]}`. The argument of `stats` and of `error` is
itself JSON, as a string. Names are trimmed before they are compared; unknown keys are ignored.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from deskwire.model.commands import Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import Malformed, UnknownEvent
from deskwire.model.readings import PlayerId
from deskwire.model.units import Seconds
from deskwire.protocol import json
from deskwire.protocol.base.messages import (
    Authenticate,
    ClientMessage,
    ErrorMessage,
    ServerMessage,
    SessionExpiring,
    Stats,
)
from deskwire.protocol.base.stats import decode_snapshot, encode_snapshot

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


# ---- the desk's side -----------------------------------------------------------------------------


def decode_request(text: str) -> ClientMessage:
    """Read what a screen said; raises `Malformed` or `UnknownEvent`."""
    event, arguments = _open(text)
    if event == AUTH:
        return Authenticate(_first(event, arguments))
    command = COMMANDS.get(event)
    if command is None:
        raise UnknownEvent("no such event")
    return command(PlayerId(_first(event, arguments)))


def encode(message: ServerMessage, now: Seconds, *, literal_names: bool = False) -> bytes:
    """Write what the desk says.

    `now` is CLOCK_MONOTONIC, for the players' positions. `literal_names` writes the expiry
    event's name as the contract's example has it, with a space at its end.
    """
    match message:
        case Stats(snapshot):
            return _wrap(STATS, encode_snapshot(snapshot, now).decode())
        case SessionExpiring(at):
            name = SESSION_EXPIRING + " " if literal_names else SESSION_EXPIRING
            return _wrap(name, f"[{at}]: Your Session will expire")
        case ErrorMessage(code, text):
            return _wrap(ERROR, json.encode(_Error(code, text)).decode())


# ---- the screen's side ---------------------------------------------------------------------------


def encode_request(message: ClientMessage) -> bytes:
    """Write what a screen says."""
    match message:
        case Authenticate(token):
            return _wrap(AUTH, token)
        case PlayerCommand(player):
            return _wrap(EVENTS[type(message)], player)


def decode(text: str, now: Seconds) -> ServerMessage:
    """Read what the desk said; raises `Malformed` or `UnknownEvent`.

    `now` is CLOCK_MONOTONIC at the reader: positions count on from here.
    """
    event, arguments = _open(text)
    match event:
        case "stats":
            return Stats(decode_snapshot(_first(event, arguments), now))
        case "session expiring":
            expiring = _EXPIRING_TEXT.fullmatch(_first(event, arguments))
            return SessionExpiring(expiring[1] if expiring else "")
        case "error":
            error = json.read(_decode_error, _first(event, arguments))
            return ErrorMessage(error.code, error.message)
        case _:
            raise UnknownEvent("no such event")


# ---- the envelope --------------------------------------------------------------------------------


def _wrap(event: str, argument: str) -> bytes:
    return json.encode(_Envelope(event, [argument]))


def _open(text: str) -> tuple[str, list[str]]:
    envelope = json.read(_decode_envelope, text)
    return envelope.event.strip(), envelope.args


def _first(event: str, arguments: list[str]) -> str:
    if not arguments:
        raise Malformed(f"{event} needs an argument")
    return arguments[0]
