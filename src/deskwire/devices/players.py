"""Media players of the session, by MPRIS: their state, and player commands.

Each change is yielded at once, without repetitions. Only position and picture of a new track may
delay a reading, by at most 20 ms. A player that was sent a command is read a few times afterwards,
because some never signal a change.

A command first asks whether the player can do it now. The answer also proves that the player
responds: a player that hangs never gets a command that it would carry out long after the client got
an error. Abilities are always read and not taken from signals, which some players forget to send.

Source: MPRIS D-Bus Interface Specification 2.2, org.mpris.MediaPlayer2.Player.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any

from deskwire.devices.dbus.buses import (
    PROPERTIES,
    BusLost,
    CallFailed,
    CallTimedOut,
    unwrap,
)
from deskwire.devices.device import Device, Resources
from deskwire.devices.mpris.bus_player import TRACK_SETTLE_TIME
from deskwire.devices.mpris.commands import PLAYER_COMMANDS, Seek, action_of, seek_call
from deskwire.devices.mpris.player_ids import PlayerIds
from deskwire.devices.mpris.player_registry import PlayerRegistry
from deskwire.devices.mpris.values import PATH, PLAYER
from deskwire.model.commands import Command, PlayerCommand
from deskwire.model.problems import NotSupported, PlayerError, PlayerTimeout
from deskwire.model.readings import Player
from deskwire.model.text import printable
from deskwire.model.topics import BACKGROUND_INTERVAL, Demand, Topic
from deskwire.model.units import Seconds

FIRST_READING = Seconds(0.2)
"""Time that the first reading waits for players; slower players appear later."""
COMMAND_TIMEOUT = Seconds(1.0)

log = logging.getLogger("deskwire.devices")

DBUS_ERROR = "org.freedesktop.DBus.Error."
GONE = frozenset(
    DBUS_ERROR + name for name in ("ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected")
)
CANNOT = frozenset(
    DBUS_ERROR + name
    for name in (
        *("NotSupported", "UnknownMethod", "UnknownInterface", "UnknownObject"),
        *("UnknownProperty", "PropertyReadOnly"),
    )
)


class PlayersDevice(Device[tuple[Player, ...]]):
    """The players of the session bus; their ids last while the daemon runs."""

    topic = Topic("players", tuple[Player, ...], absent="no player is on the session bus")
    commands = PLAYER_COMMANDS

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self.via = "MPRIS on the session bus"
        self._buses = resources.buses
        self._artwork = resources.artwork
        self._ids = PlayerIds()
        self._registry: PlayerRegistry | None = None
        self._interval = Seconds(0.0)

    def set_demand(self, demand: Demand) -> None:
        """Ask the players for their positions as often as the demand allows."""
        super().set_demand(demand)
        self._interval = BACKGROUND_INTERVAL if demand is Demand.BACKGROUND else Seconds(0.0)
        if self._registry is not None:
            self._registry.set_interval(self._interval)

    async def watch(self) -> AsyncGenerator[tuple[Player, ...], None]:
        """Yield the players now and after each change; raises `BusLost`."""
        async with self._buses.session() as bus:
            until = asyncio.get_running_loop().time() + FIRST_READING
            async with PlayerRegistry(bus, self._ids, self._artwork).following() as registry:
                self._registry = registry
                registry.set_interval(self._interval)
                try:
                    await wait_while(registry, until, lambda: registry.pending)
                    self.unanswered = registry.unanswered
                    last = registry.reading()
                    yield last
                    while True:
                        await next_change(registry)
                        reading = registry.reading()
                        if reading != last:
                            last = reading
                            yield reading
                finally:
                    self._registry = None

    async def perform(self, command: Command) -> None:
        """Carry out a command on exactly this player within 1 s, without a retry.

        Raises `UnknownPlayer`, `NotSupported`, `PlayerTimeout` or `PlayerError`.
        """
        assert isinstance(command, PlayerCommand)
        owner = self._ids.owner(command.player)
        if owner is None:
            raise command.unsupported()
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                await self._perform(owner, command)
        except (TimeoutError, CallTimedOut):
            raise PlayerTimeout(f"{command.player} does not answer within 1 s") from None
        except BusLost:
            raise command.unsupported() from None
        except CallFailed as problem:
            if problem.error_name in GONE:
                raise command.unsupported() from None
            verb = action_of(command, None).verb
            if problem.error_name in CANNOT:
                raise NotSupported(f"{command.player} cannot {verb}") from None
            log.warning(
                "%s failed %s: %s", command.player, command.name, printable(problem.error_name)
            )
            raise PlayerError(f"{command.player} failed to {verb}") from None

    async def _perform(self, owner: str, command: PlayerCommand) -> None:
        async with self._buses.session() as bus:
            if await bus.guid() != self._ids.bus:
                raise command.unsupported()

            async def get(interface: str, name: str) -> Any:
                body = await bus.call(owner, PATH, PROPERTIES, "Get", "ss", interface, name)
                return unwrap(body[0]) if body else None

            player = self._registry.player(owner) if self._registry is not None else None
            action = action_of(command, None if player is None else player.status)
            allowed: object = True
            with suppress(CallFailed):  # an error is an answer too; the call itself reports it
                allowed = await get(*action.needs)
            if allowed is False or (player is not None and not player.controllable):
                raise NotSupported(f"{command.player} cannot {action.verb} now")
            call = action.call
            if isinstance(command, Seek):
                metadata = await get(PLAYER, "Metadata")
                call = seek_call(command, metadata, await get(PLAYER, "Position"))
            assert call is not None
            if player is not None:
                player.on_command()
            interface, member, signature, arguments = call
            await bus.call(owner, PATH, interface, member, signature, *arguments)


async def next_change(registry: PlayerRegistry) -> None:
    """Wait for a change, and up to 20 ms for position and picture of a new track."""
    await registry.changed.wait()
    now = asyncio.get_running_loop().time
    until = min(registry.pending_until, now() + TRACK_SETTLE_TIME)
    if until > now():
        await wait_while(registry, until, lambda: registry.pending_until > now())
    registry.changed.clear()


async def wait_while(registry: PlayerRegistry, until: float, pending: Callable[[], bool]) -> None:
    """Wait while `pending` is true, at most until this time of the loop's clock."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            while pending():
                registry.changed.clear()
                await registry.changed.wait()
