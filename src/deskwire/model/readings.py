"""A desk at one moment: one frozen reading a device, `None` where the desk has no such thing.

Field names are the devices' names. What these look like on the wire is `protocol/codec`'s business.
"""

from typing import NewType

from msgspec import Struct

from deskwire.model.units import Bytes, Percent, Seconds

PlayerId = NewType("PlayerId", str)
"""`player<N>`; never given to another player while the daemon runs."""

ArtKey = NewType("ArtKey", str)
"""The absolute path a picture was named by; a key into the kept art, never opened again."""


class Cpu(Struct, frozen=True):
    """How busy the processors were over the last interval."""

    busy: Percent
    """Of the whole machine, 0 to 100."""


class Memory(Struct, frozen=True):
    """Memory in use."""

    used: Bytes


class Disk(Struct, frozen=True):
    """Space in use on the watched mount."""

    used: Bytes


class Network(Struct, frozen=True):
    """What passed over the real interfaces since boot; neither number ever goes back."""

    received: Bytes
    sent: Bytes


class Uptime(Struct, frozen=True):
    """Time since boot, suspend included."""

    up: Seconds
    """Whole seconds."""


class Wifi(Struct, frozen=True):
    """The wireless network; an adapter that is not connected has an empty name."""

    ssid: str
    connected: bool


class Battery(Struct, frozen=True):
    """The system's batteries together, weighted by energy."""

    charge: Percent
    """Whole percent."""
    plugged_in: bool


class Volume(Struct, frozen=True):
    """The default sink's volume."""

    level: Percent
    """Whole percent; may exceed 100."""


class Backlight(Struct, frozen=True):
    """The first internal panel's brightness."""

    level: Percent
    """Whole percent of its maximum."""


class Position(Struct, frozen=True):
    """Where in the track a player was, and how fast it moves; extrapolated, never polled."""

    at: Seconds
    """Position when it was read."""
    read: Seconds
    """When it was read, on CLOCK_MONOTONIC (the event loop's clock; it stands still in suspend)."""
    rate: float
    """Track seconds a second; 0.0 while not playing."""

    def reached(self, now: Seconds, duration: Seconds | None) -> Seconds:
        """Where it is at `now` (CLOCK_MONOTONIC), within [0, duration]."""
        moved = self.at + (now - self.read) * self.rate
        if duration is not None:
            moved = min(moved, duration)
        return Seconds(max(moved, 0.0))


class Player(Struct, frozen=True, kw_only=True):
    """One media player, as MPRIS tells of it."""

    id: PlayerId
    name: str
    """Its Identity: `mpv`, `Mozilla Firefox`."""
    playing: bool
    title: str
    artist: str = ""
    """Artists joined with `, `; empty where there is none."""
    album: str | None = None
    art: ArtKey | None = None
    """Set once the picture's bytes are in hand."""
    position: Position | None = None
    duration: Seconds | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """How the desk is."""

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
