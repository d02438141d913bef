"""Recognition of two connections that belong to one player.

A program may be on the bus more than once: VLC has a second connection under the same Identity, and
an Electron program has its own player and that of its built-in Chromium, under two Identities. Two
connections are doubles if they belong to one process and

- their Identities are equal, apart from case, spaces and punctuation, or
- they name the same track with the same status, and either one has the name that a browser engine
  gives itself (`NAME.instance<process id>`), or both name the same artist and duration.

The second kind stays a double until track or status differ for longer than a gap between two
tracks, because the two never change at the same instant.
"""

from collections.abc import Iterable
from typing import Protocol

from deskwire.devices.mpris.current_track import GAP
from deskwire.devices.mpris.player_ids import Process
from deskwire.devices.mpris.values import Track
from deskwire.model.units import Seconds

SAME_LENGTH = Seconds(1.0)


class Candidate(Protocol):
    """One player connection."""

    owner: str
    names: list[str]
    process: Process

    @property
    def name(self) -> str:
        """Identity or bus name."""

    @property
    def track(self) -> Track:
        """The track that is shown."""

    @property
    def is_playing(self) -> bool:
        """Whether it plays."""


class Doubles:
    """Pairs of connections that are one player."""

    def __init__(self) -> None:
        self._differ_since: dict[tuple[str, str], Seconds | None] = {}
        """Pairs of the second kind, with the time since which their tracks or status differ."""

    def forget(self, owner: str) -> None:
        """Forget a connection that ended."""
        self._differ_since = {
            pair: since for pair, since in self._differ_since.items() if owner not in pair
        }

    def next_change(self) -> Seconds | None:
        """Return the time at which a pair may become two players, or `None`."""
        ends = (Seconds(since + GAP) for since in self._differ_since.values() if since is not None)
        return min(ends, default=None)

    def are_one(self, one: Candidate, other: Candidate, now: Seconds) -> bool:
        """Return whether both are one player."""
        if one.process != other.process:
            return False
        if plain(one.name) == plain(other.name):
            return True
        pair = min(one.owner, other.owner), max(one.owner, other.owner)
        if agree(one, other):
            if pair in self._differ_since or have_evidence(one, other):
                self._differ_since[pair] = None
        elif pair in self._differ_since:
            since = self._differ_since[pair]
            if since is None:
                self._differ_since[pair] = now
            elif now >= since + GAP:
                del self._differ_since[pair]
        return pair in self._differ_since


def plain(name: str) -> str:
    """Return the letters and digits of a name in one case; the name itself if it has none."""
    return "".join(each for each in name.casefold() if each.isalnum()) or name


def agree(one: Candidate, other: Candidate) -> bool:
    """Return whether both name the same track and status."""
    return (
        bool(one.track.title)
        and one.track.title == other.track.title
        and one.is_playing == other.is_playing
    )


def have_evidence(one: Candidate, other: Candidate) -> bool:
    """Return whether two connections of a process with one track and status are one player."""
    if is_engine(one) != is_engine(other):
        return True
    first, second = one.track, other.track
    if not first.artist or first.duration is None or second.duration is None:
        return False
    same_length = abs(first.duration - second.duration) < SAME_LENGTH
    return first.artist == second.artist and same_length


def is_engine(player: Candidate) -> bool:
    """Return whether a connection has the name that a browser engine gives itself."""
    return is_engine_name(player.names, player.process)


def is_engine_name(names: Iterable[str], process: Process) -> bool:
    """Return whether one of these bus names ends with `.instance` and the id of the process."""
    return any(name.endswith(f".instance{process}") for name in names)
