"""Parsers for MPRIS properties: pure functions that accept any input.

Players send a plain string instead of a list, a length of -1 or 0, a rate of 0.0 while paused, a
title of five megabytes. A value of the wrong kind counts as missing. No parser raises, and every
text it returns is valid UTF-8.

Source: the MPRIS D-Bus Interface Specification 2.2 and the Metadata guidelines of freedesktop.org.
"""

import math
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from deskwire.model.units import Percent, Seconds

ROOT = "org.mpris.MediaPlayer2"
PLAYER = "org.mpris.MediaPlayer2.Player"
PATH = "/org/mpris/MediaPlayer2"

PROXIES = re.compile(r"(?:playerctld|kdeconnect|gsconnect|valent)(?![a-z0-9])", re.IGNORECASE)
"""First words of the bus names of proxies, which repeat players of this desk or of a phone."""
BROWSER_BRIDGE = ROOT + ".plasma-browser-integration"
"""A proxy of the browser whose process it names in `kde:pid`."""

LONGEST_TEXT = 1000
"""Longest text, in bytes of UTF-8."""
LONGEST_URL = 16384
"""Characters; a path of 4096 bytes, all of it percent-encoded, is shorter."""
MOST_ARTISTS = 100
LONGEST = Seconds(366 * 86400.0)
"""A longer duration is an error, or marks a live stream without an end."""
FASTEST = 100.0
"""Highest rate, which is mpv's limit."""

_SPACE = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
# Control characters and lone surrogates carry no text. Embeddings, overrides and isolates (Unicode
# Annex 9, section 2) change the direction of all following text until they end, so a text that is
# cut would reverse its neighbours. The marks U+200E, U+200F and U+061C act only in place and stay.
_DROPPED = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


LOOPS = {"none": "None", "track": "Track", "playlist": "Playlist"}
"""From a loop mode to its value of `LoopStatus`."""
LOUDEST_PLAYER = 10.0
"""A higher `Volume` is an error; VLC goes to 2.0."""


class Status(StrEnum):
    """Playback status of a player."""

    PLAYING = "Playing"
    PAUSED = "Paused"
    STOPPED = "Stopped"


class Track(Struct, frozen=True):
    """Track metadata without the picture."""

    title: str = ""
    """Title, else the name of the file."""
    artist: str = ""
    album: str | None = None
    duration: Seconds | None = None
    mark: tuple[str, str] = ("", "")
    """`mpris:trackid` and `xesam:url`, cut; used only to detect another track."""
    proxied_process: int | None = None
    """Process of the player that this one repeats (`kde:pid`)."""

    @property
    def key(self) -> str:
        """Short text that differs from that of another track."""
        parts = (self.title, self.artist, self.album or "", *self.mark)
        return blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()

    @property
    def named(self) -> bool:
        """Whether title, artist or album is known."""
        return bool(self.title or self.artist or self.album)

    @property
    def is_vacant(self) -> bool:
        """Whether nothing tells this track from no track: no name, id, address or duration."""
        track_id, url = self.mark
        has_id = bool(track_id) and not track_id.endswith("/NoTrack")
        return not self.named and not has_id and not url and self.duration is None

    def same_as(self, other: "Track") -> bool:
        """Return whether both are the same track; the duration may differ."""
        return (self.title, self.artist, self.album, self.mark) == (
            other.title,
            other.artist,
            other.album,
            other.mark,
        )


class Controls(Struct, frozen=True):
    """What a player can do, and its modes; `None` for a mode that it does not tell."""

    can_play: bool = False
    can_pause: bool = False
    can_next: bool = False
    can_previous: bool = False
    can_seek: bool = False
    shuffle: bool | None = None
    loop: str | None = None
    """`none`, `track` or `playlist`."""
    rate: float | None = None
    volume: Percent | None = None

    def updated(self, properties: Mapping[str, Any]) -> "Controls":
        """Return the controls after a change of these properties."""
        changed = {
            CONTROLS[name][0]: CONTROLS[name][1](value)
            for name, value in properties.items()
            if name in CONTROLS
        }
        return replace(self, **changed) if changed else self


def is_player(name: str) -> bool:
    """Return whether a bus name belongs to a player and not to a proxy."""
    if not name.startswith(ROOT + "."):
        return False
    return PROXIES.match(name, len(ROOT) + 1) is None


def short_name(name: str) -> str:
    """Return the first label of a player's bus name: `vlc`."""
    return clean(name.removeprefix(ROOT + ".").partition(".")[0])


def parse_track(metadata: object) -> Track:
    """Parse `Metadata`; missing and malformed fields are left out."""
    if not isinstance(metadata, Mapping):
        return Track()
    url = metadata.get("xesam:url")
    return Track(
        title=parse_text(metadata.get("xesam:title")) or file_name(url),
        artist=parse_text(metadata.get("xesam:artist")),
        album=parse_text(metadata.get("xesam:album")) or None,
        duration=parse_length(metadata.get("mpris:length")),
        mark=(parse_text(metadata.get("mpris:trackid")), parse_text(url)),
        proxied_process=parse_process(metadata.get("kde:pid")),
    )


def parse_art(metadata: object) -> str:
    """Return the picture's address as the player wrote it, or `""`; it may be very long."""
    art = metadata.get("mpris:artUrl") if isinstance(metadata, Mapping) else None
    return art if isinstance(art, str) else ""


def parse_status(status: object) -> Status:
    """Parse `PlaybackStatus`; an unknown value means stopped."""
    try:
        return Status(str(status))
    except ValueError:
        return Status.STOPPED


def parse_rate(rate: object) -> float | None:
    """Parse `Rate`, in track seconds per second; `None` if the value is not a playback rate.

    The specification has no rate of 0. Chromium and Firefox send it while paused, and while a video
    that plays loads data.
    """
    found = parse_number(rate)
    return found if found is not None and abs(found) <= FASTEST else None


def parse_level(volume: object) -> Percent | None:
    """Parse `Volume`, in which 1.0 is 100 percent; a negative value is silence."""
    found = parse_number(volume)
    return None if found is None or found > LOUDEST_PLAYER else Percent(max(0.0, found) * 100)


def parse_loop(loop: object) -> str | None:
    """Parse `LoopStatus`; `None` for an unknown value."""
    return next((mode for mode, name in LOOPS.items() if name == loop), None)


def parse_position(microseconds: object) -> Seconds | None:
    """Parse `Position` in microseconds; a negative value is the start."""
    found = parse_number(microseconds)
    if found is None or abs(found) > LONGEST * 1e6:
        return None
    return Seconds(max(found / 1e6, 0.0))


def parse_length(microseconds: object) -> Seconds | None:
    """Parse `mpris:length` in microseconds.

    Less than a second, -1 and more than a year mean unknown.
    """
    found = parse_number(microseconds)
    return Seconds(found / 1e6) if found is not None and 1e6 <= found <= LONGEST * 1e6 else None


def parse_process(process: object) -> int | None:
    """Parse a process id."""
    return process if type(process) is int and process > 0 else None


def parse_number(number: object) -> float | None:
    """Return a finite number as a float, else `None`."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        found = float(number)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def parse_text(text: object) -> str:
    """Parse a text, or a list of texts, which are joined with `, `; empty texts are left out."""
    if isinstance(text, str):
        return clean(text)
    if isinstance(text, list):
        texts = (clean(each) for each in text[:MOST_ARTISTS] if isinstance(each, str))
        return cut(", ".join(each for each in texts if each))
    return ""


def file_name(url: object) -> str:
    """Return the last part of an address's path, percent-decoded.

    `file:///a/b%20c.mp3` is `b c.mp3`. If the path is empty, the host is returned. An
    address without a scheme is a plain path.
    """
    if not isinstance(url, str) or len(url) > LONGEST_URL:
        return ""
    if re.match("[a-zA-Z][a-zA-Z0-9+.-]*:", url) is None:
        return clean(url.rstrip("/").rpartition("/")[2])
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme in {"data", "blob"}:
        return ""
    path = url.partition(":")[2] if parts.scheme == "file" else parts.path
    last = path.rstrip("/").rpartition("/")[2] or host
    return clean(unquote_to_bytes(last.encode("utf-8", "replace")).decode("utf-8", "replace"))


def clean(text: str) -> str:
    """Return `text` as one line without control characters, of at most `LONGEST_TEXT` bytes."""
    if text.isprintable() and len(text) * 4 <= LONGEST_TEXT:
        return text.strip()
    text = _SPACE.sub(" ", text[: 4 * LONGEST_TEXT])
    return cut(_DROPPED.sub("", text).strip())


def cut(text: str) -> str:
    """Return at most `LONGEST_TEXT` bytes of `text`, without cutting a character."""
    return text.encode("utf-8", "replace")[:LONGEST_TEXT].decode("utf-8", "ignore").rstrip()


CONTROLS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "CanPlay": ("can_play", lambda value: value is True),
    "CanPause": ("can_pause", lambda value: value is True),
    "CanGoNext": ("can_next", lambda value: value is True),
    "CanGoPrevious": ("can_previous", lambda value: value is True),
    "CanSeek": ("can_seek", lambda value: value is True),
    "Shuffle": ("shuffle", lambda value: value if isinstance(value, bool) else None),
    "LoopStatus": ("loop", parse_loop),
    "Rate": ("rate", parse_rate),
    "Volume": ("volume", parse_level),
}
"""Property, field of `Controls`, and parser."""
