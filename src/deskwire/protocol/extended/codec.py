"""Messages of `deskwire.v1`, and their encoding as text.

    client -> server     Authenticate, Subscribe, Call
    server -> client     Welcome, readings, Result, Failure, SessionExpiring

Every message is `{"event": NAME, "args": [JSON, …], "id": INTEGER}`. The client chooses the `id` of
what it wants answered. Unknown keys are ignored.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from deskwire.model.commands import Command
from deskwire.model.instant import Instant
from deskwire.model.problems import Malformed, Problem, UnknownEvent
from deskwire.model.readings import Player, Position
from deskwire.model.units import Seconds
from deskwire.protocol.base.codec import AUTH, COMMANDS, Authenticate
from deskwire.protocol.base.server_session import Subscribe
from deskwire.protocol.base.stats import art_url, encode_json

SUBPROTOCOL = "deskwire.v1"
VERSION = 1
SUBSCRIBE = "subscribe"
WELCOME = "welcome"
READINGS = "readings"
RESULT = "result"
ERROR = "error"
SESSION_EXPIRING = "session expiring"

RequestId = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""Integers that every JSON parser reads exactly."""


class Call(Struct, frozen=True):
    """A command, with the id for its answer."""

    command: Command
    id: int | None = None


class CommandInfo(Struct, frozen=True):
    """A command that this client may send."""

    name: str
    scope: str
    meaning: str
    arguments: dict[str, Any]
    """JSON Schema of the arguments."""


class DeskInfo(Struct, frozen=True):
    """The desk that answers."""

    id: str
    name: str


class Welcome(Struct, frozen=True, kw_only=True):
    """First message of the server: the desk, and what this client may use."""

    protocol: int = VERSION
    server: str
    """Name and version: `deskwire 0.2.0`."""
    desk: DeskInfo
    user: str
    scopes: list[str]
    expires_at: str
    """End of the session, RFC 3339 in UTC."""
    topics: list[str]
    commands: list[CommandInfo]


class Result(Struct, frozen=True):
    """The command with this id was carried out."""

    id: int
    value: Any = UNSET


class Failure(Struct, frozen=True):
    """A message was refused, or its command failed."""

    code: str
    """Stable code of a problem, `model/problems`."""
    message: str
    event: str
    """Event of the client's message, shortened; empty if it could not be read."""
    id: int | None = None


class SessionExpiring(Struct, frozen=True):
    """Warning before the end of the session."""

    at: str
    """Local time of sending, `HH:MM:SS`."""
    expires_at: str


ClientMessage = Authenticate | Subscribe | Call
ServerMessage = Welcome | Result | Failure | SessionExpiring


class Request(Struct, frozen=True):
    """A client's message whose arguments are not decoded yet."""

    event: str
    args: list[Raw] = []
    id: RequestId | None = None


class _Envelope(Struct, omit_defaults=True):
    event: str
    args: list[Any]
    id: int | UnsetType = UNSET


class Subscription(Struct, frozen=True):
    """Argument of `subscribe`."""

    topics: Annotated[
        tuple[str, ...], Meta(max_length=64, description="Topics; an empty list ends it")
    ]
    interval: Annotated[
        Seconds,
        Meta(gt=0, le=3600, description="Shortest time between two readings of a polled device"),
    ] = Seconds(1.0)


class FailureArgument(Struct, frozen=True):
    """Argument of `error`: code and message of the problem, and the event of the message."""

    code: str
    message: str
    event: str


_decode_request = msgspec.json.Decoder(Request).decode


# ---- server --------------------------------------------------------------------------------------


def decode_request(text: str) -> Request:
    """Decode the envelope of a client's message; raises `Malformed`."""
    try:
        request = _decode_request(text)
    except msgspec.ValidationError:
        raise Malformed(
            "a message needs `event` (string), and may have `args` (list) and `id` (integer)"
        ) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("not JSON") from None
    return msgspec.structs.replace(request, event=request.event.strip())


def decode_client_message(request: Request, commands: Mapping[str, type[Command]]) -> ClientMessage:
    """Decode the arguments of a request; raises `Malformed` or `UnknownEvent`.

    `commands` has every command of this desk by its name.
    """
    event = request.event
    if event == AUTH:
        return Authenticate(_first(request, str))
    if event == SUBSCRIBE:
        wanted = _first(request, Subscription)
        return Subscribe(wanted.topics, wanted.interval, request.id)
    if event in COMMANDS:
        return Call(COMMANDS[event](_first(request, str)), request.id)
    command = commands.get(event)
    if command is None:
        raise UnknownEvent("unknown event")
    return Call(decode_arguments(command, request.args[0] if request.args else b"{}"), request.id)


def decode_arguments(command: type[Command], arguments: bytes | Raw) -> Command:
    """Decode the JSON object with the arguments of a command; raises `Malformed`."""
    try:
        return msgspec.json.decode(arguments, type=command)
    except msgspec.ValidationError as problem:
        raise Malformed(f"{command.name}: {problem}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed(f"{command.name}: the arguments are not JSON") from None


def _first(request: Request, wanted: Any) -> Any:
    if not request.args:
        raise Malformed(f"{request.event} needs an argument")
    try:
        return msgspec.json.decode(request.args[0], type=wanted)
    except msgspec.ValidationError as problem:
        raise Malformed(f"{request.event}: {problem}") from None


def encode_server_message(message: ServerMessage) -> bytes:
    """Encode every message of the server but `readings`."""
    match message:
        case Welcome():
            return encode_json(_Envelope(WELCOME, [message]))
        case Result(request, value):
            return encode_json(_Envelope(RESULT, [] if value is UNSET else [value], request))
        case Failure(code, text, event, request):
            argument = FailureArgument(code, text, event)
            return encode_json(_Envelope(ERROR, [argument], UNSET if request is None else request))
        case SessionExpiring(at, expires_at):
            text = f"[{at}]: Your Session will expire"
            return encode_json(_Envelope(SESSION_EXPIRING, [text, {"expires_at": expires_at}]))


def encode_readings(readings: Mapping[str, Any], now: Seconds, wall: Seconds) -> bytes:
    """Encode a `readings` message; `now` is CLOCK_MONOTONIC, `wall` the wall clock."""
    return encode_json(_Envelope(READINGS, [to_wire(readings, now, wall)]))


def to_wire(readings: Mapping[str, Any], now: Seconds, wall: Seconds) -> dict[str, Any]:
    """Return readings as clients get them.

    A player's position is that of this moment, `read` is the wall clock, and `art` the path of the
    picture's URL.
    """
    return {
        topic: [_player_to_wire(each, now, wall) for each in reading]
        if topic == "players"
        else reading
        for topic, reading in readings.items()
    }


def _player_to_wire(player: Player, now: Seconds, wall: Seconds) -> Player:
    position = player.position
    if position is not None:
        reached = Seconds(round(position.reached(now, player.duration), 3))
        position = Position(reached, Seconds(round(wall, 3)), position.rate)
    art = None if player.art is None else art_url(player.art)
    return msgspec.structs.replace(player, position=position, art=art)


def failure(problem: Problem, request: Request | None = None) -> Failure:
    """Return the message that tells a client about a problem."""
    if request is None:
        return Failure(problem.code, problem.message, "")
    return Failure(problem.code, problem.message, request.event[:64], request.id)


def expiry(now: Instant, deadline: Seconds) -> str:
    """Return the wall clock at a deadline on CLOCK_BOOTTIME, RFC 3339 in UTC."""
    wall = now.wall + (deadline - now.boot)
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
