"""Argument of `stats`: a snapshot as a JSON object, and back, with the URLs of pictures.

Absent hardware is an absent key, never a zero. A player's position is sent as the whole seconds at
that moment, and the client counts on from its arrival.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from deskwire.model.problems import Malformed
from deskwire.model.readings import (
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

T = TypeVar("T")

encode_json = msgspec.json.Encoder().encode

ART_PATH = "/v1/img/tmp/"
"""Path of all pictures; the rest of an art URL is a key in base64url, RFC 4648 section 5."""


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
    """Keys of `stats` in the contract's order; absent hardware is an absent key."""

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


STATS_KEYS = dict(zip(Snapshot.__struct_fields__, _Stats.__struct_fields__, strict=True))
"""From a topic to its key in `stats`; both structs have the contract's order."""

_decode = msgspec.json.Decoder(_Stats).decode


def decode_json(decoder: Callable[[str | bytes], T], text: str | bytes) -> T:
    """Decode a text; raises `Malformed`, without any of the input."""
    try:
        return decoder(text)
    except msgspec.ValidationError:
        raise Malformed("a message needs `event` (string) and `args` (list of strings)") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("not JSON") from None


def stats_schema() -> dict[str, Any]:
    """Return the JSON Schema of the argument of `stats`."""
    return msgspec.json.schema(_Stats)


def encode_snapshot(snapshot: Snapshot, now: Seconds) -> bytes:
    """Encode a snapshot as the JSON object in `stats`; `now` is CLOCK_MONOTONIC."""
    s = snapshot
    return encode_json(
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


def decode_snapshot(text: str | bytes, now: Seconds) -> Snapshot:
    """Decode the argument of `stats`; raises `Malformed`."""
    return _snapshot_from_wire(decode_json(_decode, text), now)


def snapshot_of(stats: Mapping[str, Any], now: Seconds) -> Snapshot:
    """Convert hand-written `stats` to a snapshot; raises `Malformed`, which names the key."""
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


def art_url(key: ArtKey) -> str:
    """Return the URL path of a picture: its key in padded base64url."""
    raw = key.encode("utf-8", "surrogateescape")
    return ART_PATH + base64.urlsafe_b64encode(raw).decode("ascii")


def art_key(encoded: str) -> ArtKey | None:
    """Decode the last part of an art URL, padded or bare; `None` for any other spelling."""
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
