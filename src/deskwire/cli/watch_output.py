"""What `deskwire watch` prints: a snapshot as a line, if anything in it has changed."""

import time
from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec.structs import replace

from deskwire.model.readings import Snapshot
from deskwire.model.units import Seconds
from deskwire.protocol.base.stats import STATS_KEYS, encode_snapshot
from deskwire.terminal.formatting import format_reading

FIELDS = Snapshot.__struct_fields__


class UnknownField(Exception):
    """A field that no snapshot has."""


class LineFormatter(Protocol):
    """Makes lines of snapshots."""

    def line(self, snapshot: Snapshot, now: Seconds, at: time.struct_time) -> str:
        """Return the line, or nothing where nothing changed; `now` is CLOCK_MONOTONIC."""


def parse_fields(text: str | None) -> tuple[str, ...]:
    """Read `--fields`: names of a snapshot's fields or of `stats` keys; raises `UnknownField`."""
    if text is None:
        return FIELDS
    by_key = {key: name for name, key in STATS_KEYS.items()}
    names = [by_key.get(word, word) for word in (part.strip() for part in text.split(",")) if word]
    unknown = [name for name in names if name not in FIELDS]
    if unknown or not names:
        raise UnknownField(
            f"--fields: expected some of {', '.join(FIELDS)}; found {', '.join(unknown) or 'none'}"
        )
    return tuple(dict.fromkeys(names))


class TextLines:
    """For a person: the time and what changed, each field in words."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._said: dict[str, str] = {}

    def line(self, snapshot: Snapshot, now: Seconds, at: time.struct_time) -> str:
        """Return `06:45:50  volume 88 %`, fields apart by a middle dot."""
        still = replace(
            snapshot,
            players=tuple(replace(player, position=None) for player in snapshot.players),
        )
        words = {name: self._words(still, name, now) for name in self._names}
        changed = [
            f"{name} {text}" for name, text in words.items() if text != self._said.get(name, "")
        ]
        self._said = words
        return f"{time.strftime('%H:%M:%S', at)}  {' · '.join(changed)}" if changed else ""

    def _words(self, snapshot: Snapshot, name: str, now: Seconds) -> str:
        reading = getattr(snapshot, name)
        if reading is None:
            return "none" if self._said.get(name) else ""
        return "; ".join(format_reading(reading, now)) or "none"


class JsonLines:
    """For a program: the object that `stats` carries, or the chosen keys of it."""

    def __init__(self, names: Sequence[str]) -> None:
        self._keys = {STATS_KEYS[name] for name in names}
        self._said = b""

    def line(self, snapshot: Snapshot, now: Seconds, at: time.struct_time) -> str:
        """Return one JSON object."""
        del at
        stats = msgspec.json.decode(encode_snapshot(snapshot, now))
        line = msgspec.json.encode({key: stats[key] for key in stats if key in self._keys})
        if line == self._said:
            return ""
        self._said = line
        return line.decode()
