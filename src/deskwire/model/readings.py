"""Readings of the ten base topics, one frozen struct each; `None` stands for absent hardware.

The base protocol's codec and the client need these types, so they are here. Every other reading is
declared in the file of its device. A field's description, unit and kind become its documentation
and its JSON Schema.
"""

from typing import Annotated, NewType

from msgspec import Meta, Struct

from deskwire.model.units import Bytes, Percent, Seconds

PlayerId = NewType("PlayerId", str)
"""`player<N>`; never given to another player while the daemon runs."""

ArtKey = NewType("ArtKey", str)
"""The absolute path that a player named its picture by.

It is a key into the stored pictures and is never opened again.
"""

LOUDEST = 3_276_800
"""Percent, PA_VOLUME_MAX of the sound server's protocol."""

COUNTER = {"kind": "counter"}
"""Marks a number that only grows; other numbers are gauges."""


class Cpu(Struct, frozen=True):
    """Load of the processors over the last interval."""

    busy: Annotated[
        Percent, Meta(ge=0, le=100, description="Busy time of the whole machine, 0 to 100")
    ]


class Memory(Struct, frozen=True):
    """Memory in use."""

    used: Annotated[Bytes, Meta(ge=1, description="Total memory minus available memory")]


class Disk(Struct, frozen=True):
    """Space in use on the configured mount."""

    used: Annotated[Bytes, Meta(description="Blocks in use, those reserved for root included")]


class Network(Struct, frozen=True):
    """Traffic over the real interfaces since boot."""

    received: Annotated[Bytes, Meta(description="Received since boot", extra=COUNTER)]
    sent: Annotated[Bytes, Meta(description="Sent since boot", extra=COUNTER)]


class Uptime(Struct, frozen=True):
    """Time since boot."""

    up: Annotated[
        Seconds, Meta(description="Whole seconds since boot, suspend included", extra=COUNTER)
    ]


class Wifi(Struct, frozen=True):
    """The wireless network."""

    ssid: Annotated[str, Meta(description="Name of the network; empty while not connected")]
    connected: Annotated[bool, Meta(description="Whether the adapter is connected")]


class Battery(Struct, frozen=True):
    """The system's batteries together, weighted by energy."""

    charge: Annotated[Percent, Meta(ge=0, le=100, description="Charge, whole percent")]
    plugged_in: Annotated[bool, Meta(description="Whether mains power is connected")]


class Volume(Struct, frozen=True):
    """Volume of the default output."""

    level: Annotated[
        Percent,
        Meta(
            ge=0,
            le=LOUDEST,
            description="Volume of the loudest channel, whole percent; may exceed 100",
        ),
    ]
    muted: Annotated[bool, Meta(description="Whether the output is mute")] = False


class Backlight(Struct, frozen=True):
    """Brightness of the first internal panel."""

    level: Annotated[
        Percent, Meta(ge=0, le=100, description="Whole percent of the panel's maximum")
    ]


class Position(Struct, frozen=True):
    """A position in a track, from which the present position is computed."""

    at: Annotated[Seconds, Meta(description="Position at the time of the reading")]
    read: Annotated[
        Seconds,
        Meta(description="Time of the reading on CLOCK_MONOTONIC; in deskwire.v1 since 1970"),
    ]
    rate: Annotated[float, Meta(description="Track seconds for each second; 0 while not playing")]

    def reached(self, now: Seconds, duration: Seconds | None) -> Seconds:
        """Return the position at `now` (CLOCK_MONOTONIC), within [0, duration]."""
        moved = self.at + (now - self.read) * self.rate
        if duration is not None:
            moved = min(moved, duration)
        return Seconds(max(moved, 0.0))


class Player(Struct, frozen=True, kw_only=True):
    """The media players of the session, as MPRIS describes them."""

    id: Annotated[PlayerId, Meta(description="Id for commands; never reused")]
    name: Annotated[str, Meta(description="Name of the program: `mpv`, `Mozilla Firefox`")]
    playing: Annotated[bool, Meta(description="Whether the player plays")]
    title: Annotated[str, Meta(description="Title of the track")]
    artist: Annotated[str, Meta(description="Artists, joined with `, `; may be empty")] = ""
    album: Annotated[str | None, Meta(description="Album of the track")] = None
    art: Annotated[
        ArtKey | None,
        Meta(description="Path of the picture's URL, once the daemon has its bytes"),
    ] = None
    art_version: Annotated[
        str | None, Meta(description="Hash of the picture's content; changes if a file changes")
    ] = None
    position: Annotated[Position | None, Meta(description="Position in the track")] = None
    duration: Annotated[Seconds | None, Meta(description="Length of the track")] = None
    status: Annotated[str, Meta(description="`playing`, `paused` or `stopped`")] = "paused"
    track: Annotated[str, Meta(description="Text that another track does not have")] = ""
    can_play: Annotated[bool, Meta(description="Whether the player can play")] = False
    can_pause: Annotated[bool, Meta(description="Whether the player can pause")] = False
    can_next: Annotated[bool, Meta(description="Whether there is a next track")] = False
    can_previous: Annotated[bool, Meta(description="Whether there is a previous track")] = False
    can_seek: Annotated[bool, Meta(description="Whether the player can seek")] = False
    shuffle: Annotated[bool | None, Meta(description="Whether the order is random")] = None
    loop: Annotated[
        str | None, Meta(description="What is repeated: `none`, `track` or `playlist`")
    ] = None
    rate: Annotated[float | None, Meta(description="Playback rate; 1 is the normal speed")] = None
    volume: Annotated[Percent | None, Meta(description="Volume of the player itself")] = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """All readings of the base protocol; a field's name is its topic."""

    memory: Memory | None = None
    cpu: Cpu | None = None
    network: Network | None = None
    uptime: Uptime | None = None
    disk: Disk | None = None
    players: tuple[Player, ...] = ()
    wifi: Wifi | None = None
    battery: Battery | None = None
    volume: Volume | None = None
    backlight: Backlight | None = None
