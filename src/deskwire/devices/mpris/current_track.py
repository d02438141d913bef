"""The track of one player and its picture, through the gaps between two tracks.

Between two tracks a player may name no track for up to 2 s. Meanwhile it keeps its last track. A
player that is stopped keeps it for longer if it can play, because it is then one command away from
playing. A player that never named a track has nothing to show while it is stopped.
"""

from collections.abc import Callable
from typing import NamedTuple

from deskwire.art.artwork import Artwork, NamedPicture
from deskwire.devices.mpris.values import Status, Track, parse_art, parse_track
from deskwire.model.readings import ArtKey
from deskwire.model.units import Seconds

GAP = Seconds(2.0)
"""Longest gap between two tracks."""


class TrackChange(NamedTuple):
    """Result of an update."""

    another: bool
    """Whether it is another track, whose position and picture are not known yet."""
    picture: bool
    """Whether another picture is being read."""


NO_CHANGE = TrackChange(another=False, picture=False)


class CurrentTrack:
    """Track that is shown, and the one that the player names."""

    def __init__(self, artwork: Artwork, on_picture: Callable[[], None]) -> None:
        self.shown = Track()
        """The track, or the last one during a gap."""
        self.gap_since: Seconds | None = None
        """Begin of the present gap; `None` while a track is named or none ever was."""
        self._artwork = artwork
        self._on_picture = on_picture
        self._named = Track()
        """The track as the player names it now."""
        self._address = ""
        """Address of its picture."""
        self._has_named = False
        self._status = Status.STOPPED
        self._art = 0
        self._picture: NamedPicture | None = None

    @property
    def has_pending_picture(self) -> bool:
        """Whether a picture is being read that is expected within milliseconds."""
        picture = self._picture
        return picture is not None and picture.prompt and not picture.idle

    @property
    def art(self) -> ArtKey | None:
        """Key of the picture, once its bytes are stored."""
        return None if self._picture is None else self._picture.key

    @property
    def art_version(self) -> str | None:
        """Hash of the picture's content."""
        return None if self._picture is None else self._picture.version

    def is_empty(self, now: Seconds, *, can_play: bool) -> bool:
        """Return whether there is nothing to show: stopped, and no track to come."""
        if self._status is not Status.STOPPED or self._named.named:
            return False
        if self.gap_since is None:
            return True
        return not can_play and now >= self.gap_since + GAP

    def set_metadata(self, metadata: object, *, signalled: bool) -> None:
        """Take `Metadata`; `update()` must follow. A signal may mean another picture too."""
        named, address = parse_track(metadata), parse_art(metadata)
        if signalled and self._picture is not None and self._is_current_picture(named, address):
            self._picture.recheck()
        self._named, self._address = named, address
        self._has_named = self._has_named or named.named

    def update(self, now: Seconds, status: Status) -> TrackChange:
        """Show the named track, or keep the last one during a gap."""
        stopped = status is Status.STOPPED and self._status is not Status.STOPPED
        self._status = status
        playing = status is Status.PLAYING
        if self._named.named or (playing and not self._named.is_vacant) or not self._has_named:
            self.gap_since = None
        elif self.gap_since is None or stopped:
            self.gap_since = now
        if self.gap_since is None or (playing and now >= self.gap_since + GAP):
            return self._show(self._named, self._address)
        return NO_CHANGE

    def close(self) -> None:
        """Release the picture."""
        if self._picture is not None:
            self._picture.release()
            self._picture = None

    def _show(self, track: Track, address: str) -> TrackChange:
        before, self.shown = self.shown, track
        another = not track.same_as(before)
        picture = False
        if not self._is_current_picture(track, address, before):
            picture = bool(address) or self._picture is not None
            self._name_picture(address)
        return TrackChange(another, picture)

    def _is_current_picture(self, track: Track, address: str, shown: Track | None = None) -> bool:
        """Return whether a track needs no other picture than the present one."""
        if self._picture is None:
            return not address
        # the address itself may contain a whole picture
        return hash(address) == self._art and track.same_as(shown or self.shown)

    def _name_picture(self, address: str) -> None:
        before = self._picture
        self._art = hash(address)
        self._picture = self._artwork.name(address, self._on_picture) if address else None
        if before is not None:
            before.release()
