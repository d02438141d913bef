"""What MPRIS players say, made into values: pure, and trusting nothing.

Players err in every direction: a plain string where the specification wants a list, a length of
-1 or 0, a rate of 0.0 while paused, a title of five megabytes. Here a value that is not what it
should be counts as missing; nothing raises, and every text that leaves is valid UTF-8.

Source: the MPRIS D-Bus Interface Specification 2.2 and the Metadata guidelines of freedesktop.org.
"""

import math
import re
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import unquote_to_bytes, urlsplit

from msgspec import Struct

from deskwire.model.units import Seconds

ROOT = "org.mpris.MediaPlayer2"
PLAYER = "org.mpris.MediaPlayer2.Player"
PATH = "/org/mpris/MediaPlayer2"

PROXIES = ("playerctld", "kdeconnect", "GSConnect")
"""First labels of the names of those who only repeat other players, here or on a phone."""
BROWSER_BRIDGE = ROOT + ".plasma-browser-integration"
"""Repeats the browser whose process it names as `kde:pid`."""

LONGEST_TEXT = 1000
"""Bytes of UTF-8."""
LONGEST_URL = 16384
"""Characters; a path of 4096 bytes, all of it percent-encoded, is shorter."""
MOST_ARTISTS = 100
LONGEST = Seconds(366 * 86400.0)
"""What lasts longer than a year is a mistake, or a live stream's way to say that it has no end."""
FASTEST = 100.0
"""mpv's own limit."""

_SPACE = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
# Controls, and halves of surrogate pairs, say nothing. Of the bidirectional formatting characters
# those go whose effect reaches on until another ends it (embeddings, overrides, isolates: Unicode
# Annex 9, section 2): a text that is cut, or stands in a line with others, would turn these
# around. The marks that act where they stand (U+200E, U+200F, U+061C) are part of names, and stay.
_DROPPED = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


class Status(StrEnum):
    """What a player does."""

    PLAYING = "Playing"
    PAUSED = "Paused"
    STOPPED = "Stopped"


class Track(Struct, frozen=True):
    """What is played, without its picture."""

    title: str = ""
    """The title, else the name of the file."""
    artist: str = ""
    album: str | None = None
    duration: Seconds | None = None
    mark: tuple[str, str] = ("", "")
    """`mpris:trackid` and `xesam:url`, cut: only to see that it is another track."""
    stands_for: int | None = None
    """The process whose player this one repeats (`kde:pid`)."""

    @property
    def named(self) -> bool:
        """Whether there is anything to call it by."""
        return bool(self.title or self.artist or self.album)

    def is_as(self, other: "Track") -> bool:
        """Whether both are the same track; its length may have become known meanwhile."""
        return (self.title, self.artist, self.album, self.mark) == (
            other.title,
            other.artist,
            other.album,
            other.mark,
        )


def is_player(name: str) -> bool:
    """Whether a bus name is that of a player, and not of one who repeats players."""
    if not name.startswith(ROOT + "."):
        return False
    return name.removeprefix(ROOT + ".").partition(".")[0] not in PROXIES


def short_name(name: str) -> str:
    """Return the first label of a player's bus name: `vlc`."""
    return clean(name.removeprefix(ROOT + ".").partition(".")[0])


def parse_track(metadata: object) -> Track:
    """Read `Metadata`; what is missing or malformed is left out."""
    if not isinstance(metadata, Mapping):
        return Track()
    url = metadata.get("xesam:url")
    return Track(
        title=parse_text(metadata.get("xesam:title")) or file_name(url),
        artist=parse_text(metadata.get("xesam:artist")),
        album=parse_text(metadata.get("xesam:album")) or None,
        duration=parse_length(metadata.get("mpris:length")),
        mark=(parse_text(metadata.get("mpris:trackid")), parse_text(url)),
        stands_for=parse_process(metadata.get("kde:pid")),
    )


def parse_art(metadata: object) -> str:
    """Return the picture's address as the player wrote it, `""` without one; it may be huge."""
    art = metadata.get("mpris:artUrl") if isinstance(metadata, Mapping) else None
    return art if isinstance(art, str) else ""


def parse_status(status: object) -> Status:
    """Read `PlaybackStatus`; anything unheard-of is stopped."""
    try:
        return Status(str(status))
    except ValueError:
        return Status.STOPPED


def parse_rate(rate: object) -> float | None:
    """Read `Rate`, track seconds a second while playing; `None` when it says nothing of that.

    Chromium and Firefox say 0.0 while they are paused, and may say that they play before they
    take it back; the specification knows no rate of 0. So the rate is then what it was before.
    """
    found = parse_number(rate)
    return found if found is not None and 0.0 < abs(found) <= FASTEST else None


def parse_position(microseconds: object) -> Seconds | None:
    """Read `Position`; a little before the start is the start."""
    found = parse_number(microseconds)
    if found is None or abs(found) > LONGEST * 1e6:
        return None
    return Seconds(max(found / 1e6, 0.0))


def parse_length(microseconds: object) -> Seconds | None:
    """Read `mpris:length`; 0, -1 and more than a year mean that nobody knows."""
    found = parse_number(microseconds)
    return Seconds(found / 1e6) if found is not None and 0 < found <= LONGEST * 1e6 else None


def parse_process(process: object) -> int | None:
    """Read a process id."""
    return process if type(process) is int and process > 0 else None


def parse_number(number: object) -> float | None:
    """Return any finite number as a float, else `None`."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        found = float(number)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def parse_text(text: object) -> str:
    """Read a text, or a list of texts joined with `, `; empty ones do not count."""
    if isinstance(text, str):
        return clean(text)
    if isinstance(text, list):
        texts = (clean(each) for each in text[:MOST_ARTISTS] if isinstance(each, str))
        return cut(", ".join(each for each in texts if each))
    return ""


def file_name(url: object) -> str:
    """Return the last part of an address's path, percent-decoded.

    `file:///a/b%20c.mp3` is `b c.mp3`. Where the path is empty it is the host; an address without
    a scheme is a plain path.
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
    """Return `text` in one line, without controls, of at most `LONGEST_TEXT` bytes of UTF-8."""
    if text.isprintable() and len(text) * 4 <= LONGEST_TEXT:
        return text.strip()
    text = _SPACE.sub(" ", text[: 4 * LONGEST_TEXT])
    return cut(_DROPPED.sub("", text).strip())


def cut(text: str) -> str:
    """Return the first `LONGEST_TEXT` bytes of `text`, whole characters only."""
    return text.encode("utf-8", "replace")[:LONGEST_TEXT].decode("utf-8", "ignore").rstrip()
