"""Messages to text and back. The wire's field names live only here.

Every message is `{"event": NAME, "args": [TEXT, …]}`. The argument of `stats` and of `error` is
itself JSON, as a string. Names are trimmed before they are compared; unknown keys are ignored.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from deskwire.model.commands import Action, Command
from deskwire.model.problems import Malformed, UnknownEvent
from deskwire.model.snapshot import (
    ArtKey,
    Backlight,
    Battery,
    Cpu,
    Disk,
    Memory,
    Network,
    Player,
    PlayerId,
    Position,
    Snapshot,
    Uptime,
    Volume,
    Wifi,
)
from deskwire.model.units import Bytes, Percent, Seconds
from deskwire.protocol.messages import (
    Authenticate,
    FromDesk,
    FromScreen,
    Refusal,
    SessionExpiring,
    Stats,
)

T = TypeVar("T")

AUTH = "auth"
STATS = "stats"
SESSION_EXPIRING = "session expiring"
ERROR = "error"
ACTIONS = {
    "audio-play-pause": Action.PLAY_PAUSE,
    "audio-next": Action.NEXT,
    "audio-previous": Action.PREVIOUS,
    "audio-stop": Action.STOP,
}
EVENT_OF = {action: event for event, action in ACTIONS.items()}

STATS_KEYS = {
    "memory": "memory_bytes",
    "cpu": "cpu_absolute",
    "network": "network",
    "uptime": "uptime",
    "disk": "disk_bytes",
    "players": "audio",
    "wifi": "wifi",
    "battery": "battery",
    "volume": "volume",
    "backlight": "backlight",
}
"""A snapshot's field to its key in `stats`."""

ART_PATH = "/v1/img/tmp/"
_EXPIRING_TEXT = re.compile(r"\[(\d\d:\d\d:\d\d)\]: Your Session will expire")


class _Envelope(Struct):
    event: str
    args: list[str] = []


class _Network(Struct):
    rx_bytes: int
    tx_bytes: int


class _Player(Struct, kw_only=True):
    id: str
    name: str
    playing: bool
    artist: str
    title: str
    album: str | UnsetType = UNSET
    art_url: str | UnsetType = UNSET
    timestamp: int | UnsetType = UNSET
    duration: int | UnsetType = UNSET


class _Wifi(Struct):
    ssid: str
    connected: bool


class _Battery(Struct):
    percentage: int
    plugged_in: bool


class _Stats(Struct, kw_only=True):
    """The keys of `stats`, in the contract's order; absent hardware is an absent key."""

    memory_bytes: int | UnsetType = UNSET
    cpu_absolute: float | UnsetType = UNSET
    network: _Network | UnsetType = UNSET
    uptime: int | UnsetType = UNSET
    disk_bytes: int | UnsetType = UNSET
    audio: list[_Player]
    wifi: _Wifi | UnsetType = UNSET
    battery: _Battery | UnsetType = UNSET
    volume: int | UnsetType = UNSET
    backlight: int | UnsetType = UNSET


class _Error(Struct):
    code: str
    message: str


_encode = msgspec.json.Encoder().encode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_stats = msgspec.json.Decoder(_Stats).decode
_decode_error = msgspec.json.Decoder(_Error).decode


def stats_schema() -> dict[str, Any]:
    """Return the JSON Schema of the argument of `stats`."""
    return msgspec.json.schema(_Stats)


def error_schema() -> dict[str, Any]:
    """Return the JSON Schema of the argument of `error`."""
    return msgspec.json.schema(_Error)


# ---- the desk's side -----------------------------------------------------------------------------


def decode_request(text: str) -> FromScreen:
    """Read what a screen said; raises `Malformed` or `UnknownEvent`."""
    event, arguments = _open(text)
    if event == AUTH:
        return Authenticate(_first(event, arguments))
    action = ACTIONS.get(event)
    if action is None:
        raise UnknownEvent("no such event")
    return Command(action, PlayerId(_first(event, arguments)))


def encode(message: FromDesk, now: Seconds, *, literal_names: bool = False) -> bytes:
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
        case Refusal(code, text):
            return _wrap(ERROR, _encode(_Error(code, text)).decode())


def encode_snapshot(snapshot: Snapshot, now: Seconds) -> bytes:
    """Write a snapshot as the JSON object that `stats` carries; `now` is CLOCK_MONOTONIC."""
    s = snapshot
    return _encode(
        _Stats(
            memory_bytes=UNSET if s.memory is None else s.memory.used,
            cpu_absolute=UNSET if s.cpu is None else round(s.cpu.busy, 1),
            network=UNSET if s.network is None else _Network(s.network.received, s.network.sent),
            uptime=UNSET if s.uptime is None else int(s.uptime.up),
            disk_bytes=UNSET if s.disk is None else s.disk.used,
            audio=[_player_to_wire(player, now) for player in s.players],
            wifi=UNSET if s.wifi is None else _Wifi(s.wifi.ssid, s.wifi.connected),
            battery=(
                UNSET
                if s.battery is None
                else _Battery(round(s.battery.charge), s.battery.plugged_in)
            ),
            volume=UNSET if s.volume is None else round(s.volume.level),
            backlight=UNSET if s.backlight is None else round(s.backlight.level),
        )
    )


def _player_to_wire(player: Player, now: Seconds) -> _Player:
    position, duration = player.position, player.duration
    return _Player(
        id=player.id,
        name=player.name,
        playing=player.playing,
        artist=player.artist,
        title=player.title,
        album=UNSET if player.album is None else player.album,
        art_url=UNSET if player.art is None else art_url(player.art),
        timestamp=UNSET if position is None else int(position.reached(now, duration)),
        duration=UNSET if duration is None else int(duration),
    )


# ---- the screen's side ---------------------------------------------------------------------------


def encode_request(message: FromScreen) -> bytes:
    """Write what a screen says."""
    match message:
        case Authenticate(token):
            return _wrap(AUTH, token)
        case Command(action, player):
            return _wrap(EVENT_OF[action], player)


def decode(text: str, now: Seconds) -> FromDesk:
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
            error = _inner(_decode_error, _first(event, arguments))
            return Refusal(error.code, error.message)
        case _:
            raise UnknownEvent("no such event")


def decode_snapshot(text: str | bytes, now: Seconds) -> Snapshot:
    """Read the argument of `stats`; raises `Malformed`."""
    return _snapshot_from_wire(_inner(_decode_stats, text), now)


def snapshot_of(stats: Mapping[str, Any], now: Seconds) -> Snapshot:
    """Make a snapshot of `stats` that a person wrote; raises `Malformed`, which names the key."""
    try:
        return _snapshot_from_wire(msgspec.convert(stats, _Stats), now)
    except msgspec.ValidationError as problem:
        raise Malformed(str(problem)) from None


def _snapshot_from_wire(w: _Stats, now: Seconds) -> Snapshot:
    return Snapshot(
        memory=None if w.memory_bytes is UNSET else Memory(Bytes(w.memory_bytes)),
        cpu=None if w.cpu_absolute is UNSET else Cpu(Percent(w.cpu_absolute)),
        network=(
            None
            if w.network is UNSET
            else Network(Bytes(w.network.rx_bytes), Bytes(w.network.tx_bytes))
        ),
        uptime=None if w.uptime is UNSET else Uptime(Seconds(w.uptime)),
        disk=None if w.disk_bytes is UNSET else Disk(Bytes(w.disk_bytes)),
        players=tuple(_player_from_wire(player, now) for player in w.audio),
        wifi=None if w.wifi is UNSET else Wifi(w.wifi.ssid, w.wifi.connected),
        battery=(
            None
            if w.battery is UNSET
            else Battery(Percent(w.battery.percentage), w.battery.plugged_in)
        ),
        volume=None if w.volume is UNSET else Volume(Percent(w.volume)),
        backlight=None if w.backlight is UNSET else Backlight(Percent(w.backlight)),
    )


def _player_from_wire(w: _Player, now: Seconds) -> Player:
    position = None
    if w.timestamp is not UNSET:
        position = Position(Seconds(w.timestamp), now, 1.0 if w.playing else 0.0)
    return Player(
        id=PlayerId(w.id),
        name=w.name,
        playing=w.playing,
        title=w.title,
        artist=w.artist,
        album=None if w.album is UNSET else w.album,
        art=None if w.art_url is UNSET else art_key(w.art_url.removeprefix(ART_PATH)),
        position=position,
        duration=None if w.duration is UNSET else Seconds(w.duration),
    )


# ---- where a picture is fetched ------------------------------------------------------------------


def art_url(key: ArtKey) -> str:
    """Name a kept picture: its path in padded base64url, RFC 4648 section 5."""
    raw = key.encode("utf-8", "surrogateescape")
    return ART_PATH + base64.urlsafe_b64encode(raw).decode("ascii")


def art_key(encoded: str) -> ArtKey | None:
    """Read the last part of an art URL, padded or bare; `None` for anything but one spelling."""
    bare = encoded.rstrip("=")
    padded = bare + "=" * (-len(bare) % 4)
    if encoded not in (bare, padded):
        return None
    try:
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if base64.urlsafe_b64encode(raw).decode("ascii") != padded:
        return None
    return ArtKey(raw.decode("utf-8", "surrogateescape"))


# ---- the envelope --------------------------------------------------------------------------------


def _wrap(event: str, argument: str) -> bytes:
    return _encode(_Envelope(event, [argument]))


def _open(text: str) -> tuple[str, list[str]]:
    envelope = _inner(_decode_envelope, text)
    return envelope.event.strip(), envelope.args


def _inner(decoder: Callable[[str | bytes], T], text: str | bytes) -> T:
    try:
        return decoder(text)
    except msgspec.ValidationError:
        raise Malformed("a message is an event (text) and args (a list of texts)") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("not JSON") from None


def _first(event: str, arguments: list[str]) -> str:
    if not arguments:
        raise Malformed(f"{event} needs an argument")
    return arguments[0]
