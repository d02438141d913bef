"""State of one media player, read over D-Bus.

`GetAll` reads all properties once; signals keep them up to date. If a player answers with an error
(some take their name before they are ready), the call is repeated with a growing pause. If it does
not answer, the call stays open. Players do not signal their position. It is read after each change
and each `Seeked`, one call at a time, and extrapolated in between.

Position and picture of a new track arrive about a millisecond after its title. `pending_until` says
how long a reading may wait for them.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from deskwire.art.artwork import Artwork, NamedPicture
from deskwire.devices.dbus.buses import PROPERTIES, Bus, CallFailed, CallTimedOut, unwrap
from deskwire.devices.mpris.player_ids import Process
from deskwire.devices.mpris.playhead import Playhead
from deskwire.devices.mpris.values import (
    PATH,
    PLAYER,
    ROOT,
    Status,
    Track,
    parse_art,
    parse_position,
    parse_rate,
    parse_status,
    parse_text,
    parse_track,
    short_name,
)
from deskwire.model.readings import Player, PlayerId
from deskwire.model.units import Seconds

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]

ANSWER_TIMEOUT = Seconds(30.0)
"""Timeout of one call. Nothing waits for it; a player that resumes answers it."""
FIRST_PAUSE = Seconds(0.25)
LONGEST_PAUSE = Seconds(30.0)
TRACK_SETTLE_TIME = Seconds(0.02)
POSITION_CHANGES = frozenset({"Metadata", "PlaybackStatus", "Rate"})
"""Properties whose signal may mean another position, even with an unchanged value.

mpDris2 signals a seek in this way and not by `Seeked`."""
FOLLOWED = POSITION_CHANGES | {"CanControl", "Position"}


class BusPlayer:
    """One connection that owns at least one player name."""

    def __init__(
        self, bus: Bus, owner: str, artwork: Artwork, changed: Callable[[], None], spawn: Spawn
    ) -> None:
        self.owner = owner
        """Unique bus name of the connection."""
        self.names: list[str] = []
        """Well-known bus names, oldest first."""
        self.process: Process = owner
        self.connected_at = _now()
        self.answered = False
        """Whether all properties have been read once."""
        self.status = Status.STOPPED
        self.track = Track()
        self.controllable = True
        self._bus = bus
        self._artwork = artwork
        self._changed = changed
        self._spawn = spawn
        self._identity = ""
        self._playhead = Playhead()
        self._art = 0
        self._picture: NamedPicture | None = None
        self._pending_deadline = Seconds(0.0)
        self._signals_during_read: dict[str, Any] | None = None
        self._read_task: asyncio.Task[None] | None = None
        self._position_task: asyncio.Task[None] | None = None
        self._position_changed = False

    @property
    def name(self) -> str:
        """Name of the player: its Identity, else the first label of its bus name."""
        return self._identity or short_name(self.names[0])

    @property
    def is_empty(self) -> bool:
        """Whether the player is stopped and names no track."""
        return self.status is Status.STOPPED and not self.track.named

    @property
    def pending(self) -> bool:
        """Whether properties, position or picture of a new track are still being read."""
        picture = self._picture
        has_picture = picture is None or picture.idle or not picture.prompt
        return not self.answered or self._position_task is not None or not has_picture

    @property
    def pending_until(self) -> Seconds:
        """Time until which a reading may wait for pending values.

        In the past if nothing is pending.
        """
        return self._pending_deadline if self.pending else Seconds(0.0)

    def reading(self, player: PlayerId) -> Player:
        """Return the reading of this player under the given id."""
        track, picture = self.track, self._picture
        return Player(
            id=player,
            name=self.name,
            playing=self.status is Status.PLAYING,
            title=track.title,
            artist=track.artist,
            album=track.album,
            art=None if picture is None else picture.key,
            position=self._playhead.position,
            duration=track.duration,
        )

    def refresh(self) -> None:
        """Read all properties, unless a read is running."""
        if self._read_task is None:
            self._read_task = self._spawn(self._refresh())

    def on_changed(self, interface: str, changed: Mapping[str, Any], gone: list[str]) -> None:
        """Apply a PropertiesChanged signal."""
        if interface == ROOT:
            if "Identity" in changed:
                self._identity = parse_text(unwrap(changed["Identity"]))
                self._changed()
            return
        values = {name: unwrap(changed[name]) for name in changed if name in FOLLOWED}
        if self._signals_during_read is not None:
            self._signals_during_read.update(values)
        if not FOLLOWED.isdisjoint(gone):
            self.refresh()
        if self.answered and values:
            self._apply(values)
            if not POSITION_CHANGES.isdisjoint(values):
                self.refresh_position()

    def refresh_position(self) -> None:
        """Read the position, which may have changed."""
        if not self.answered:
            return
        if self._position_task is None:
            self._position_task = self._spawn(self._read_position())
        else:
            self._position_changed = True

    def close(self) -> None:
        """Cancel running calls and release the picture."""
        for task in (self._read_task, self._position_task):
            if task is not None:
                task.cancel()
        if self._picture is not None:
            self._picture.release()
            self._picture = None

    async def _refresh(self) -> None:
        values = await self._read_properties()
        if not self.answered:
            self._identity = await self._read_identity()
        # Signals that arrived during the call are newer than its answer.
        values |= self._signals_during_read or {}
        self._read_task = self._signals_during_read = None
        self.answered = True
        self._apply(values)
        self._changed()

    async def _read_properties(self) -> dict[str, Any]:
        pause = FIRST_PAUSE
        while True:
            self._signals_during_read = {}
            try:
                return await self._bus.properties(self.owner, PATH, PLAYER, timeout=ANSWER_TIMEOUT)
            except (CallFailed, CallTimedOut):
                await asyncio.sleep(pause)
                pause = Seconds(min(2 * pause, LONGEST_PAUSE))

    async def _read_identity(self) -> str:
        try:
            body = await self._bus.call(self.owner, PATH, PROPERTIES, "Get", "ss", ROOT, "Identity")
        except (CallFailed, CallTimedOut):
            return ""
        return parse_text(unwrap(body[0])) if body else ""

    async def _read_position(self) -> None:
        while True:
            self._position_changed = False
            try:
                body = await self._bus.call(
                    self.owner, PATH, PROPERTIES, "Get", "ss", PLAYER, "Position"
                )
            except (CallFailed, CallTimedOut):
                body = []
            if not self._position_changed:
                break
        self._position_task = None
        at = parse_position(unwrap(body[0])) if body else None
        position_jumped = at is not None and self._is_jump(at)
        if position_jumped:
            self._move_to(at)
        if position_jumped or self._pending_deadline > _now():
            self._changed()

    def _apply(self, values: Mapping[str, Any]) -> None:
        status, track, rate = self.status, self.track, self._playhead.rate
        at, position_jumped = self._playhead.reached(_now(), track.duration), False
        if "PlaybackStatus" in values:
            self.status = parse_status(values["PlaybackStatus"])
        if "Rate" in values:
            self._playhead.rate = parse_rate(values["Rate"]) or rate
        if "CanControl" in values:
            self.controllable = values["CanControl"] is not False
        if "Metadata" in values:
            self._apply_track(values["Metadata"])
        if "Position" in values:
            said = parse_position(values["Position"])
            if said is not None and self._is_jump(said):
                at, position_jumped = said, True
        elif at is not None and not self.track.same_as(track):
            at = Seconds(0.0)  # until the player reports a position
            self._pending_deadline = Seconds(_now() + TRACK_SETTLE_TIME)
        if position_jumped or (status, track, rate) != (
            self.status,
            self.track,
            self._playhead.rate,
        ):
            self._move_to(at)
            self._changed()

    def _apply_track(self, metadata: object) -> None:
        track, address = parse_track(metadata), parse_art(metadata)
        art = hash(address)  # the address itself may contain a whole picture
        if self._picture is not None and art == self._art and track.same_as(self.track):
            self._picture.recheck()
        elif address or self._picture is not None:
            self._art = art
            self._pending_deadline = Seconds(_now() + TRACK_SETTLE_TIME)
            before = self._picture
            self._picture = self._artwork.name(address, self._changed) if address else None
            if before is not None:
                before.release()
            self._changed()
        self.track = track

    def _is_jump(self, at: Seconds) -> bool:
        return self._playhead.is_jump(at, _now(), self.track.duration)

    def _move_to(self, at: Seconds | None) -> None:
        self._playhead.move_to(at, _now(), playing=self.status is Status.PLAYING)


def _now() -> Seconds:
    return Seconds(asyncio.get_running_loop().time())
