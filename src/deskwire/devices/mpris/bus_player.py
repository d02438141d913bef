"""One player on the bus: what it has said so far, and what it still has to be asked.

Asked once for everything, then followed by its signals. A player that hangs is asked once and
waited for; one that answers with an error (some take their name before they are ready) is asked
again later, less and less often. The position is the one thing players do not signal: it is asked
for after each change and each `Seeked`, never twice at a time, and extrapolated in between.

A new track's first reading would be wrong without its position and picture, which are a
millisecond away; `unsettled_until` says how long a reading may wait for them.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from deskwire.art.artwork import Artwork, Naming
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
"""How long one question stands. Nobody waits for it; a player that wakes up answers it."""
FIRST_PAUSE = Seconds(0.25)
LONGEST_PAUSE = Seconds(30.0)
SETTLES_WITHIN = Seconds(0.02)
MOVES = frozenset({"Metadata", "PlaybackStatus", "Rate"})
"""Properties after which the position may be another, even repeated unchanged: mpDris2 tells a seek
so and not by `Seeked`."""
FOLLOWED = MOVES | {"CanControl", "Position"}


class PlayerOnBus:
    """What one connection that owns a player's name tells."""

    def __init__(
        self, bus: Bus, owner: str, artwork: Artwork, changed: Callable[[], None], spawn: Spawn
    ) -> None:
        self.owner = owner
        """Unique name of its connection."""
        self.names: list[str] = []
        """Well-known names, oldest first."""
        self.process: Process = owner
        self.came = _now()
        self.answered = False
        """Whether it has told everything once."""
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
        self._naming: Naming | None = None
        self._settles_by = Seconds(0.0)
        self._missed: dict[str, Any] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._locating: asyncio.Task[None] | None = None
        self._moved = False

    @property
    def name(self) -> str:
        """What to call the player: its Identity, else the first part of its bus name."""
        return self._identity or short_name(self.names[0])

    @property
    def ghost(self) -> bool:
        """Whether it is only there: stopped, and naming no track."""
        return self.status is Status.STOPPED and not self.track.named

    @property
    def unsettled(self) -> bool:
        """Whether it was asked for what is a millisecond away: all, a position, a picture."""
        naming = self._naming
        pictured = naming is None or naming.settled or not naming.prompt
        return not self.answered or self._locating is not None or not pictured

    @property
    def unsettled_until(self) -> Seconds:
        """Until when a reading may wait for what belongs to a new track; past if for nothing."""
        return self._settles_by if self.unsettled else Seconds(0.0)

    def reading(self, player: PlayerId) -> Player:
        """Return how it is, under this id."""
        track, naming = self.track, self._naming
        return Player(
            id=player,
            name=self.name,
            playing=self.status is Status.PLAYING,
            title=track.title,
            artist=track.artist,
            album=track.album,
            art=None if naming is None else naming.key,
            position=self._playhead.position,
            duration=track.duration,
        )

    def ask(self) -> None:
        """Have it tell everything, unless it is being asked already."""
        if self._asking is None:
            self._asking = self._spawn(self._ask())

    def on_changed(self, interface: str, changed: Mapping[str, Any], gone: list[str]) -> None:
        """Take a PropertiesChanged."""
        if interface == ROOT:
            if "Identity" in changed:
                self._identity = parse_text(unwrap(changed["Identity"]))
                self._changed()
            return
        told = {name: unwrap(changed[name]) for name in changed if name in FOLLOWED}
        if self._missed is not None:
            self._missed.update(told)
        if not FOLLOWED.isdisjoint(gone):
            self.ask()
        if self.answered and told:
            self._take(told)
            if not MOVES.isdisjoint(told):
                self.locate()

    def locate(self) -> None:
        """Ask where it is in the track: it may have moved."""
        if not self.answered:
            return
        if self._locating is None:
            self._locating = self._spawn(self._locate())
        else:
            self._moved = True

    def close(self) -> None:
        """Stop asking, and name no picture any more."""
        for task in (self._asking, self._locating):
            if task is not None:
                task.cancel()
        if self._naming is not None:
            self._naming.drop()
            self._naming = None

    async def _ask(self) -> None:
        told = await self._ask_properties()
        if not self.answered:
            self._identity = await self._ask_identity()
        # What was signalled since it was asked is newer than the answer.
        told |= self._missed or {}
        self._asking = self._missed = None
        self.answered = True
        self._take(told)
        self._changed()

    async def _ask_properties(self) -> dict[str, Any]:
        pause = FIRST_PAUSE
        while True:
            self._missed = {}
            try:
                return await self._bus.properties(self.owner, PATH, PLAYER, timeout=ANSWER_TIMEOUT)
            except (CallFailed, CallTimedOut):
                await asyncio.sleep(pause)
                pause = Seconds(min(2 * pause, LONGEST_PAUSE))

    async def _ask_identity(self) -> str:
        try:
            body = await self._bus.call(self.owner, PATH, PROPERTIES, "Get", "ss", ROOT, "Identity")
        except (CallFailed, CallTimedOut):
            return ""
        return parse_text(unwrap(body[0])) if body else ""

    async def _locate(self) -> None:
        while True:
            self._moved = False
            try:
                body = await self._bus.call(
                    self.owner, PATH, PROPERTIES, "Get", "ss", PLAYER, "Position"
                )
            except (CallFailed, CallTimedOut):
                body = []
            if not self._moved:
                break
        self._locating = None
        at = parse_position(unwrap(body[0])) if body else None
        jumped = at is not None and self._is_elsewhere(at)
        if jumped:
            self._move_to(at)
        if jumped or self._settles_by > _now():
            self._changed()

    def _take(self, told: Mapping[str, Any]) -> None:
        status, track, rate = self.status, self.track, self._playhead.rate
        at, jumped = self._playhead.reached(_now(), track.duration), False
        if "PlaybackStatus" in told:
            self.status = parse_status(told["PlaybackStatus"])
        if "Rate" in told:
            self._playhead.rate = parse_rate(told["Rate"]) or rate
        if "CanControl" in told:
            self.controllable = told["CanControl"] is not False
        if "Metadata" in told:
            self._take_track(told["Metadata"])
        if "Position" in told:
            said = parse_position(told["Position"])
            if said is not None and self._is_elsewhere(said):
                at, jumped = said, True
        elif at is not None and not self.track.is_as(track):
            at = Seconds(0.0)  # until it says otherwise
            self._settles_by = Seconds(_now() + SETTLES_WITHIN)
        if jumped or (status, track, rate) != (self.status, self.track, self._playhead.rate):
            self._move_to(at)
            self._changed()

    def _take_track(self, metadata: object) -> None:
        track, address = parse_track(metadata), parse_art(metadata)
        art = hash(address)  # the address itself may be a whole picture
        if self._naming is not None and art == self._art and track.is_as(self.track):
            self._naming.again()
        elif address or self._naming is not None:
            self._art = art
            self._settles_by = Seconds(_now() + SETTLES_WITHIN)
            before = self._naming
            self._naming = self._artwork.name(address, self._changed) if address else None
            if before is not None:
                before.drop()
            self._changed()
        self.track = track

    def _is_elsewhere(self, at: Seconds) -> bool:
        return self._playhead.is_elsewhere(at, _now(), self.track.duration)

    def _move_to(self, at: Seconds | None) -> None:
        self._playhead.move_to(at, _now(), playing=self.status is Status.PLAYING)


def _now() -> Seconds:
    return Seconds(asyncio.get_running_loop().time())
