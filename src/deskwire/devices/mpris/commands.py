"""Commands of media players beyond those of the base protocol, and the D-Bus call for each.

`SetPosition` names the track, so a player ignores it after a change of track. A player without a
track ID gets `Seek`, relative to the position that it tells at that moment.

Source: MPRIS D-Bus Interface Specification 2.2.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from dbus_fast import Variant, is_object_path_valid
from msgspec import Meta

from deskwire.devices.dbus.buses import PROPERTIES
from deskwire.devices.mpris.values import (
    LOOPS,
    PLAYER,
    ROOT,
    Status,
    parse_length,
    parse_position,
    parse_track,
)
from deskwire.model.commands import Command, Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import Malformed, NotSupported, TrackChanged
from deskwire.model.units import Percent, Seconds

NO_TRACK = "/org/mpris/MediaPlayer2/TrackList/NoTrack"


class Play(PlayerCommand, frozen=True):
    """Play, or continue to play."""

    name = "players.play"


class Pause(PlayerCommand, frozen=True):
    """Pause playback."""

    name = "players.pause"


class Seek(PlayerCommand, frozen=True):
    """Seek to a position, or by a distance; exactly one of them is needed."""

    name = "players.seek"
    position: Annotated[Seconds | None, Meta(description="Position to seek to")] = None
    by: Annotated[Seconds | None, Meta(description="Distance; negative seeks back")] = None
    track: Annotated[
        str | None, Meta(description="`track` of the reading; a changed track is not sought in")
    ] = None


class SetShuffle(PlayerCommand, frozen=True):
    """Play the tracks in random order, or in their own."""

    name = "players.shuffle"
    on: Annotated[bool, Meta(description="Whether the order is random")]


class SetLoop(PlayerCommand, frozen=True):
    """Repeat the track or the playlist."""

    name = "players.loop"
    mode: Annotated[Literal["none", "track", "playlist"], Meta(description="What is repeated")]


class SetRate(PlayerCommand, frozen=True):
    """Set the playback rate."""

    name = "players.rate"
    rate: Annotated[float, Meta(ge=0.1, le=10, description="1 is the normal speed")]


class SetPlayerVolume(PlayerCommand, frozen=True):
    """Set the player's own volume."""

    name = "players.volume"
    level: Annotated[Percent, Meta(ge=0, le=100, description="New level, 0 to 100")]


class Raise(PlayerCommand, frozen=True):
    """Show the player's window."""

    name = "players.raise"


PLAYER_COMMANDS: tuple[type[Command], ...] = (
    *(PlayPause, Play, Pause, Next, Previous, Stop, Seek),
    *(SetShuffle, SetLoop, SetRate, SetPlayerVolume, Raise),
)


class Call(NamedTuple):
    """One method call."""

    interface: str
    member: str
    signature: str = ""
    arguments: tuple[Any, ...] = ()


class Action(NamedTuple):
    """How a command is carried out."""

    verb: str
    """For a person: `the player cannot VERB now`."""
    needs: tuple[str, str]
    """Interface and name of the property that must not be false."""
    call: Call | None
    """`None` for a seek, whose call depends on the present track."""


ACTIONS: Mapping[type[Command], Action] = {
    Play: Action("play", (PLAYER, "CanPlay"), Call(PLAYER, "Play")),
    Pause: Action("pause", (PLAYER, "CanPause"), Call(PLAYER, "Pause")),
    Next: Action("skip to the next track", (PLAYER, "CanGoNext"), Call(PLAYER, "Next")),
    Previous: Action(
        "go to the previous track", (PLAYER, "CanGoPrevious"), Call(PLAYER, "Previous")
    ),
    Stop: Action("stop", (PLAYER, "CanControl"), Call(PLAYER, "Stop")),
    Seek: Action("seek", (PLAYER, "CanSeek"), None),
    Raise: Action("show its window", (ROOT, "CanRaise"), Call(ROOT, "Raise")),
}
SETTINGS: Mapping[type[Command], tuple[str, str, Callable[[Any], Variant]]] = {
    SetShuffle: ("shuffle", "Shuffle", lambda command: Variant("b", command.on)),
    SetLoop: ("loop", "LoopStatus", lambda command: Variant("s", LOOPS[command.mode])),
    SetRate: ("change its rate", "Rate", lambda command: Variant("d", command.rate)),
    SetPlayerVolume: (
        *("change its volume", "Volume"),
        lambda command: Variant("d", command.level / 100),
    ),
}
"""Verb, property and new value of the commands that set a property."""


def action_of(command: PlayerCommand, status: Status | None) -> Action:
    """Return the action of a command; play-pause depends on the status."""
    if isinstance(command, PlayPause):
        needs = "CanPause" if status is Status.PLAYING else "CanPlay"
        return Action("play or pause", (PLAYER, needs), Call(PLAYER, "PlayPause"))
    setting = SETTINGS.get(type(command))
    if setting is None:
        return ACTIONS[type(command)]
    verb, name, value = setting
    call = Call(PROPERTIES, "Set", "ssv", (PLAYER, name, value(command)))
    return Action(verb, (PLAYER, "CanControl"), call)


def seek_call(command: Seek, metadata: object, position: object) -> Call:
    """Return the call for a seek in the present track.

    `metadata` and `position` are the player's answers. Raises `Malformed`, `TrackChanged`, and
    `NotSupported` if the position is needed and not known.
    """
    if (command.position is None) == (command.by is None):
        raise Malformed("players.seek needs either position or by")
    if command.track is not None and command.track != parse_track(metadata).key:
        raise TrackChanged(f"{command.player} plays another track now")
    now = parse_position(position)
    if command.by is not None:
        target = None if now is None else now + command.by
    else:
        target = command.position
    track_id = _track_id(metadata)
    if target is not None and track_id is not None:
        at = round(_within(target, metadata) * 1e6)
        return Call(PLAYER, "SetPosition", "ox", (track_id, at))
    if command.by is None and target is not None and now is not None:
        return Call(PLAYER, "Seek", "x", (round((_within(target, metadata) - now) * 1e6),))
    if command.by is not None:
        return Call(PLAYER, "Seek", "x", (round(command.by * 1e6),))
    raise NotSupported(f"{command.player} tells neither its track nor its position")


def _within(target: float, metadata: object) -> float:
    length = parse_length(metadata.get("mpris:length")) if isinstance(metadata, Mapping) else None
    return max(0.0, target if length is None else min(target, length))


def _track_id(metadata: object) -> str | None:
    """Return the track ID if `SetPosition` accepts it."""
    found = metadata.get("mpris:trackid") if isinstance(metadata, Mapping) else None
    usable = isinstance(found, str) and found != NO_TRACK and is_object_path_valid(found)
    return found if usable else None
