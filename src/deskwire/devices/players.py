"""The media players of the session, by MPRIS: what each plays, and the taps that move them.

Each change is yielded at once, compared with the last reading so that repetitions are not; only
what belongs to a new track (its position, its picture) may hold a reading back, for 20 ms.

A tap is first a question: may the player do that just now? The answer says that it is there and
listens. So a player that hangs gets no command that it would obey long after the tap was refused,
and what a player can do is never taken from a signal it forgot to send.

Source: MPRIS D-Bus Interface Specification 2.2, org.mpris.MediaPlayer2.Player.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import (
    PROPERTIES,
    Buses,
    BusLost,
    CallFailed,
    CallTimedOut,
    unwrap,
)
from deskwire.devices.mpris.bus_player import SETTLES_WITHIN
from deskwire.devices.mpris.player_ids import PlayerIds
from deskwire.devices.mpris.player_registry import Roster
from deskwire.devices.mpris.values import PATH, PLAYER, Status
from deskwire.model.commands import Action, Command
from deskwire.model.problems import NotSupported, PlayerError, PlayerTimeout, UnknownPlayer
from deskwire.model.readings import Player, PlayerId
from deskwire.model.units import Seconds

FIRST_READING = Seconds(0.2)
"""How long the first reading waits for players; who answers later joins later."""
COMMAND_TIMEOUT = Seconds(1.0)

METHODS = {
    Action.PLAY_PAUSE: "PlayPause",
    Action.NEXT: "Next",
    Action.PREVIOUS: "Previous",
    Action.STOP: "Stop",
}
ALLOWED_BY = {
    Action.NEXT: "CanGoNext",
    Action.PREVIOUS: "CanGoPrevious",
    Action.STOP: "CanControl",
}
"""What has to be true for it; for play-pause it depends on what the player does."""

DBUS_ERROR = "org.freedesktop.DBus.Error."
GONE = frozenset(
    DBUS_ERROR + name for name in ("ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected")
)
CANNOT = frozenset(
    DBUS_ERROR + name
    for name in ("NotSupported", "UnknownMethod", "UnknownInterface", "UnknownObject")
)


class PlayersDevice:
    """The players' source and control; keeps their ids while the daemon runs."""

    absent = "no player is on the session bus"

    def __init__(self, buses: Buses, artwork: Artwork) -> None:
        self._buses = buses
        self._artwork = artwork
        self._ids = PlayerIds()
        self._roster: Roster | None = None

    @property
    def via(self) -> str:
        """What the readings come from."""
        return "MPRIS on the session bus"

    async def watch(self) -> AsyncGenerator[tuple[Player, ...], None]:
        """Yield the players now and after each change; raises `BusLost`."""
        async with self._buses.session() as bus:
            until = asyncio.get_running_loop().time() + FIRST_READING
            async with Roster(bus, self._ids, self._artwork).following() as roster:
                self._roster = roster
                try:
                    await settle(roster, until, lambda: roster.unsettled)
                    last = roster.reading()
                    yield last
                    while True:
                        await next_change(roster)
                        reading = roster.reading()
                        if reading != last:
                            last = reading
                            yield reading
                finally:
                    self._roster = None

    async def perform(self, command: Command) -> None:
        """Do it on exactly this player, within 1 s; never tried twice.

        Raises `UnknownPlayer`, `NotSupported`, `PlayerTimeout` or `PlayerError`.
        """
        owner = self._ids.owner(command.player)
        if owner is None:
            raise unknown(command.player)
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                await self._perform(owner, command)
        except (TimeoutError, CallTimedOut):
            raise PlayerTimeout(f"{command.player} does not answer") from None
        except BusLost:
            raise unknown(command.player) from None
        except CallFailed as problem:
            if problem.error_name in GONE:
                raise unknown(command.player) from None
            if problem.error_name in CANNOT:
                raise cannot(command) from None
            raise PlayerError(f"{command.player} answered {problem.error_name}") from None

    async def _perform(self, owner: str, command: Command) -> None:
        async with self._buses.session() as bus:
            if await bus.guid() != self._ids.bus:
                raise unknown(command.player)
            player = self._roster.player(owner) if self._roster is not None else None
            playing = player is not None and player.status is Status.PLAYING
            needed = ALLOWED_BY.get(command.action, "CanPause" if playing else "CanPlay")
            allowed: object = True
            with suppress(CallFailed):  # it answers, which is what counts, or the call will tell
                body = await bus.call(owner, PATH, PROPERTIES, "Get", "ss", PLAYER, needed)
                allowed = unwrap(body[0]) if body else True
            if allowed is False or (player is not None and not player.controllable):
                raise cannot(command)
            await bus.call(owner, PATH, PLAYER, METHODS[command.action])


async def next_change(roster: Roster) -> None:
    """Wait for a change, and a moment more for what belongs to a new track."""
    await roster.changed.wait()
    now = asyncio.get_running_loop().time
    until = min(roster.unsettled_until, now() + SETTLES_WITHIN)
    if until > now():
        await settle(roster, until, lambda: roster.unsettled_until > now())
    roster.changed.clear()


async def settle(roster: Roster, until: float, unsettled: Callable[[], bool]) -> None:
    """Wait while `unsettled`, at most until this time of the loop's clock."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            while unsettled():
                roster.changed.clear()
                await roster.changed.wait()


def unknown(player: PlayerId) -> UnknownPlayer:
    """Make the refusal of a player that is not there."""
    return UnknownPlayer(f"there is no {player}"[:100])


def cannot(command: Command) -> NotSupported:
    """Make the refusal of what a player cannot do."""
    return NotSupported(f"{command.player} cannot {METHODS[command.action]} now")
