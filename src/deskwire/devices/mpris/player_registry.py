"""The players that are on the bus now, and which of them are shown.

Left out: those who only repeat other players, ghosts (stopped, naming no track), those who have not
answered yet, and doubles. A double is a second connection of one process under one Identity (VLC
can be on the bus twice), or the browser bridge while the browser it stands for is shown. Two names
on one connection are one player.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Self

from dbus_fast import Message

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import BUS, BUS_PATH, PROPERTIES, Bus, BusLost, CallFailed
from deskwire.devices.mpris.bus_player import PlayerOnBus
from deskwire.devices.mpris.player_ids import PlayerIds
from deskwire.devices.mpris.values import BROWSER_BRIDGE, PATH, PLAYER, ROOT, is_player
from deskwire.model.readings import Player, PlayerId
from deskwire.model.units import Seconds

NAMES = f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0namespace='{ROOT}'"
CHANGES = f"type='signal',path='{PATH}',member='PropertiesChanged',arg0namespace='{ROOT}'"
SEEKS = f"type='signal',path='{PATH}',interface='{PLAYER}',member='Seeked'"


class Roster:
    """Follows the bus from entering to leaving; `changed` is set when a reading may differ."""

    def __init__(self, bus: Bus, ids: PlayerIds, artwork: Artwork) -> None:
        self.bus = bus
        self.changed = asyncio.Event()
        self._ids = ids
        self._artwork = artwork
        self._players: dict[str, PlayerOnBus] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard: dict[str, str] | None = {}
        self._problem: BaseException | None = None

    @asynccontextmanager
    async def following(self) -> AsyncIterator[Self]:
        """Follow the players while entered."""
        self._spawn(self._end_with_bus())
        try:
            async with self.bus.signals(self._receive, NAMES, CHANGES, SEEKS):
                await self._look_around()
                yield self
        finally:
            for player in self._players.values():
                player.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def unsettled(self) -> bool:
        """Whether somebody is still being asked for what is usually a millisecond away."""
        return any(player.unsettled for player in self._players.values())

    @property
    def unsettled_until(self) -> Seconds:
        """Until when it is worth to wait before a reading is taken; past if not at all."""
        return max((p.unsettled_until for p in self._players.values()), default=Seconds(0.0))

    def player(self, owner: str) -> PlayerOnBus | None:
        """Return the player with this connection."""
        return self._players.get(owner)

    def reading(self) -> tuple[Player, ...]:
        """Return the players that are shown, in the order of their ids; raises `BusLost`."""
        if self._problem is not None:
            raise self._problem
        if self.bus.ended:
            raise BusLost("the session bus went away")
        shown = [player.reading(self._id(player)) for player in self._shown()]
        return tuple(sorted(shown, key=lambda player: int(player.id.removeprefix("player"))))

    def _id(self, player: PlayerOnBus) -> PlayerId:
        if self._ids.of(player.owner) is None:
            for double in self._doubles(player):
                self._ids.pass_on(double.owner, player.owner)
        return self._ids.give(player.owner, player.names, player.process, player.came)

    def _doubles(self, player: PlayerOnBus) -> list[PlayerOnBus]:
        return [
            other
            for other in self._players.values()
            if (other.process, other.name) == (player.process, player.name) and other is not player
        ]

    def _shown(self) -> list[PlayerOnBus]:
        there = [p for p in self._players.values() if p.answered and not p.ghost]
        processes = {p.process for p in there if BROWSER_BRIDGE not in p.names}
        shown: dict[object, PlayerOnBus] = {}
        for player in there:
            if BROWSER_BRIDGE in player.names and player.track.stands_for in processes:
                continue
            shown.setdefault((player.process, player.name), player)
        return list(shown.values())

    async def _look_around(self) -> None:
        body = await self.bus.call(BUS, BUS_PATH, BUS, "ListNames")
        names = [name for name in body[0] if is_player(name)]
        owners = await asyncio.gather(*(self.bus.owner(name) for name in names))
        guid = await self.bus.guid()
        found = dict(zip(names, owners, strict=True)) | (self._heard or {})
        self._heard = None
        there = [(owner, name) for name, owner in found.items() if owner]
        self._ids.begin(guid, {owner for owner, _ in there})
        for owner, name in sorted(there, key=lambda each: (age(each[0]), each[1])):
            self._come(owner, name)

    def _receive(self, message: Message) -> None:
        match message.member, message.signature:
            case "NameOwnerChanged", "sss" if message.sender == BUS:
                name, before, after = message.body
                if not is_player(name):
                    return
                if self._heard is not None:
                    self._heard[name] = after
                else:
                    self._leave(before, name)
                    self._come(after, name)
                return
        player = self._players.get(message.sender or "")
        if player is None or message.path != PATH:
            return
        match message.member, message.signature:
            case "PropertiesChanged", "sa{sv}as" if message.interface == PROPERTIES:
                interface, changed, gone = message.body
                if interface in {ROOT, PLAYER}:
                    player.on_changed(interface, changed, gone)
            case "Seeked", _ if message.interface == PLAYER:
                player.locate()

    def _come(self, owner: str, name: str) -> None:
        if not owner:
            return
        player = self._players.get(owner)
        if player is None:
            player = PlayerOnBus(self.bus, owner, self._artwork, self.changed.set, self._spawn)
            self._players[owner] = player
            self._spawn(self._meet(player))
        if name not in player.names:
            player.names.append(name)

    def _leave(self, owner: str, name: str) -> None:
        player = self._players.get(owner)
        if player is None or name not in player.names:
            return
        if len(player.names) > 1:
            player.names.remove(name)
            return
        del self._players[owner]
        player.close()
        for double in self._doubles(player):
            self._ids.pass_on(owner, double.owner)
        now = Seconds(asyncio.get_running_loop().time())
        self._ids.leave(owner, player.names, player.process, now)
        self.changed.set()

    async def _meet(self, player: PlayerOnBus) -> None:
        try:
            body = await self.bus.call(
                BUS, BUS_PATH, BUS, "GetConnectionUnixProcessID", "s", player.owner
            )
            player.process = int(body[0])
        except CallFailed:
            pass  # it left meanwhile, or the bus cannot tell
        if self._players.get(player.owner) is player:
            player.ask()

    async def _end_with_bus(self) -> None:
        await self.bus.lost()
        self.changed.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._problem = task.exception()
            self.changed.set()


def age(owner: str) -> tuple[int, ...]:
    """Sort key of unique names: who came to the bus first, comes first."""
    return tuple(int(part) for part in owner.lstrip(":").split(".") if part.isdecimal())
