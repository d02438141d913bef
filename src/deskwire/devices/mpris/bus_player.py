"""State of one media player, read over D-Bus.

All properties are read once, and signals keep them up to date. Signals may be missing, so the
player is asked again: for its position when the playhead says so, and for all properties after a
command, after a position that no signal explains, and now and then.

Position and picture of a new track arrive about a millisecond after its title. `pending_until` says
how long a reading may wait for them.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from msgspec.structs import asdict

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import Bus, unwrap
from deskwire.devices.mpris.current_track import GAP, CurrentTrack
from deskwire.devices.mpris.player_ids import Process
from deskwire.devices.mpris.playhead import Playhead
from deskwire.devices.mpris.property_reader import FOLLOWED, PropertyReader
from deskwire.devices.mpris.values import (
    ROOT,
    Controls,
    Status,
    Track,
    parse_position,
    parse_rate,
    parse_status,
    parse_text,
    short_name,
)
from deskwire.model.readings import Player, PlayerId
from deskwire.model.units import Seconds

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]

TRACK_SETTLE_TIME = Seconds(0.02)
READ_ALL_INTERVAL = Seconds(12.0)
"""Longest time between two reads of all properties."""
AFTER_COMMAND = (0.05, 0.3, 1.0)
"""Seconds after a command at which to read all properties, until the player signals a change."""
TIMER_SLACK = Seconds(0.001)
"""A timer may be early by this much."""
POSITION_CHANGES = frozenset({"Metadata", "PlaybackStatus", "Rate"})
"""Properties whose signal may mean another position, even with an unchanged value.

mpDris2 signals a seek in this way and not by `Seeked`."""


class BusPlayer:
    """One connection that owns at least one player name, or released its last one just now."""

    def __init__(
        self, bus: Bus, owner: str, artwork: Artwork, changed: Callable[[], None], spawn: Spawn
    ) -> None:
        self.owner = owner
        """Unique bus name of the connection."""
        self.names: list[str] = []
        """Well-known bus names, oldest first; after a release, the last one."""
        self.process: Process = owner
        self.connected_at = _now()
        self.has_name = True
        """Whether it owns a name at present."""
        self.released_at: Seconds | None = None
        """Time at which it released its last name; `None` once it has one and was read again."""
        self.answered = False
        """Whether all properties have been read once."""
        self.status = Status.STOPPED
        self.controllable = True
        self._changed = changed
        self._spawn = spawn
        self._reader = PropertyReader(bus, owner)
        self._playhead = Playhead()
        self._track = CurrentTrack(artwork, changed)
        self._controls = Controls()
        self._identity = ""
        self._has_signalled = False
        self._read_all_at = _now()
        self._pending_deadline = Seconds(0.0)
        self._read_task: asyncio.Task[None] | None = None
        self._position_task: asyncio.Task[None] | None = None
        self._position_changed = False
        self._commanded_at: Seconds | None = None
        """Time of the last command, until the player signals a change."""
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # ---- state -----------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the player: its Identity, else the first label of its bus name."""
        return self._identity or short_name(self.names[0])

    @property
    def track(self) -> Track:
        """The track that is shown."""
        return self._track.shown

    @property
    def is_hidden(self) -> bool:
        """Whether the player has nothing to show."""
        if self.released_at is not None:
            return False
        return self._track.is_empty(_now(), can_play=self._controls.can_play and self.controllable)

    @property
    def is_between_tracks(self) -> bool:
        """Whether it names no track, but did before."""
        return self._track.gap_since is not None

    @property
    def is_playing(self) -> bool:
        """Whether it plays, as far as it is known."""
        return self.status is Status.PLAYING and self.released_at is None

    @property
    def pending(self) -> bool:
        """Whether properties, position or picture of a new track are still being read."""
        return (
            not self.answered or self._position_task is not None or self._track.has_pending_picture
        )

    @property
    def pending_until(self) -> Seconds:
        """Time until which a reading may wait for pending values.

        In the past if nothing is pending.
        """
        return self._pending_deadline if self.pending else Seconds(0.0)

    def reading(self, player: PlayerId) -> Player:
        """Return the reading of this player under the given id."""
        track = self._track.shown
        return Player(
            id=player,
            name=self.name,
            playing=self.is_playing,
            title=track.title,
            artist=track.artist,
            album=track.album,
            art=self._track.art,
            art_version=self._track.art_version,
            position=self._playhead.position,
            duration=track.duration,
            status=self.status.name.lower() if self.released_at is None else "paused",
            track=track.key,
            **asdict(self._controls if self.controllable else Controls()),
        )

    # ---- events ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read all properties, unless a read is running."""
        if self._read_task is None:
            self._read_all_at = _now()
            self._playhead.on_asked(_now())
            self._read_task = self._spawn(self._refresh())

    def on_changed(self, interface: str, changed: Mapping[str, Any], gone: list[str]) -> None:
        """Apply a PropertiesChanged signal."""
        if interface == ROOT:
            self._reader.on_signal({})
            if "Identity" in changed:
                self._set_identity(parse_text(unwrap(changed["Identity"])))
            elif "Identity" in gone:
                self._spawn(self._refresh_identity())
            return
        values = {name: unwrap(changed[name]) for name in changed if name in FOLLOWED}
        self._reader.on_signal(values)
        if not FOLLOWED.isdisjoint(gone):
            self.refresh()
        if values:
            self._has_signalled = True
            self._commanded_at = None
        if self.answered and values:
            is_news = self._apply(values, signalled=True)
            if not POSITION_CHANGES.isdisjoint(values):
                self._playhead.on_news(_now(), changed=is_news)
            self._ask_what_is_due()

    def on_seeked(self, to: object) -> None:
        """Ask for the position, which the player says is `to` now."""
        self._reader.on_signal({})
        if self.answered:
            self._playhead.on_seeked(_now(), parse_position(to))
            self._ask_what_is_due()

    def on_command(self) -> None:
        """Read all properties a few times, unless the player signals a change itself."""
        now = self._commanded_at = _now()
        for number, after in enumerate(AFTER_COMMAND):
            self._call_at(f"command {number}", Seconds(now + after), self._read_after_command)

    def on_released(self) -> None:
        """Note that the player released its last name; it may take it again."""
        self.has_name = False
        self.released_at = _now()
        self._playhead.on_playback(_now(), playing=False, rate=None)
        self._changed()

    def on_named(self) -> None:
        """Read all properties if the player took a name again."""
        self.has_name = True
        if self.released_at is not None:
            self.refresh()

    def set_interval(self, interval: Seconds) -> None:
        """Ask for the position at this interval or sooner."""
        self._playhead.interval = interval
        if self.answered:
            self._schedule()

    def close(self) -> None:
        """Cancel running calls and release the picture."""
        for timer in self._timers.values():
            timer.cancel()
        for task in (self._read_task, self._position_task):
            if task is not None:
                task.cancel()
        self._track.close()

    # ---- questions -------------------------------------------------------------------------------

    async def _refresh(self) -> None:
        first = not self.answered
        if self._identity:
            values = await self._reader.read()
        else:  # both at once, because the first reading of the players waits for this
            values, self._identity = await asyncio.gather(
                self._reader.read(), self._reader.read_identity()
            )
        values |= self._reader.signalled
        self._read_task = None
        self.answered = True
        if self.has_name:
            self.released_at = None
        is_news = self._apply(values, signalled=False)
        if is_news and not first:
            self._playhead.on_news(_now(), changed=True)
        self._ask_what_is_due()
        self._changed()

    async def _refresh_identity(self) -> None:
        self._set_identity(await self._reader.read_identity())

    def _set_identity(self, identity: str) -> None:
        self._identity = identity
        self._changed()

    def _read_after_command(self) -> None:
        if self._commanded_at is not None:
            self.refresh()

    def _ask_what_is_due(self) -> None:
        """Ask the player what is due now, and set the timer of the next question."""
        now = Seconds(_now() + TIMER_SLACK)
        if self._next_check() <= now and self.released_at is None:
            trusted = self._has_signalled and self._playhead.position is not None
            reads_all = now >= self._read_all_due() or not trusted
            if reads_all and not self._playhead.is_planned(now):
                self._read_all_at = now
                self.refresh()
            elif self._position_task is None:
                self._position_task = self._spawn(self._read_position())
            else:
                self._position_changed = True
            self._playhead.on_asked(now)
        self._schedule()

    def _schedule(self) -> None:
        if self.released_at is None:
            self._call_at("check", self._next_check(), self._ask_what_is_due)

    def _next_check(self) -> Seconds:
        if self.is_hidden and self._has_signalled:
            return self._read_all_due()
        return self._playhead.next_check()

    def _read_all_due(self) -> Seconds:
        interval = max(READ_ALL_INTERVAL, self._playhead.interval)
        return Seconds(((self._read_all_at + 1) // interval + 1) * interval)

    async def _read_position(self) -> None:
        while True:
            self._position_changed = False
            at = parse_position(await self._reader.read_position())
            if not self._position_changed:
                break
        self._position_task = None
        now = _now()
        playhead = self._playhead
        finding = playhead.on_no_answer(now) if at is None else playhead.on_answer(at, now)
        if finding.unexplained:
            self.refresh()
        self._schedule()
        if finding.moved or self._pending_deadline > now:
            self._changed()

    # ---- values ----------------------------------------------------------------------------------

    def _apply(self, values: Mapping[str, Any], *, signalled: bool) -> bool:
        """Apply these properties; return whether they may change the position."""
        now, status = _now(), self.status
        if "PlaybackStatus" in values:
            self.status = parse_status(values["PlaybackStatus"])
        if "CanControl" in values:
            self.controllable = values["CanControl"] is not False
        self._controls = self._controls.updated(values)
        if "Metadata" in values:
            self._track.set_metadata(values["Metadata"], signalled=signalled)
        rate = parse_rate(values["Rate"]) if "Rate" in values else None
        is_news = self._playhead.on_playback(now, playing=self.is_playing, rate=rate)
        position = parse_position(values.get("Position"))
        is_news |= self._update_track(is_position_known=position is not None)
        if position is not None:
            take = self._playhead.on_signalled if signalled else self._playhead.on_answer
            take(position, now)
        self._changed()
        return is_news or status is not self.status

    def _update_track(self, *, is_position_known: bool = False) -> bool:
        """Show the track; return whether it is another one."""
        now = _now()
        change = self._track.update(now, self.status)
        self._playhead.duration = self._track.shown.duration
        if change.another:
            self._playhead.on_track(now)
        is_position_known |= self._playhead.position is None
        if change.picture or (change.another and not is_position_known):
            self._pending_deadline = Seconds(now + TRACK_SETTLE_TIME)
        gap = self._track.gap_since
        if gap is not None and gap + GAP > now:
            self._call_at("gap", Seconds(gap + GAP), self._end_gap)
        return change.another

    def _end_gap(self) -> None:
        self._update_track()
        self._changed()

    def _call_at(self, name: str, due: Seconds, function: Callable[[], None]) -> None:
        """Set the timer of this name."""
        timer = self._timers.get(name)
        if timer is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[name] = loop.call_at(due, function)


def _now() -> Seconds:
    return Seconds(asyncio.get_running_loop().time())
