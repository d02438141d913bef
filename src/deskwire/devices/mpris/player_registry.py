"""Registry of the players on the session bus, and the choice of those to show.

The registry leaves out proxies of other players, empty players (stopped, no track), players that
have not answered yet, and duplicates. A duplicate is a second connection of one process with the
same Identity (VLC can have two), or the browser bridge while its browser is shown. Two names on one
connection are one player.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Self

from dbus_fast import Message

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import BUS, BUS_PATH, PROPERTIES, Bus, BusLost, CallFailed
from deskwire.devices.mpris.bus_player import BusPlayer
from deskwire.devices.mpris.player_ids import PlayerIds
from deskwire.devices.mpris.values import BROWSER_BRIDGE, PATH, PLAYER, ROOT, is_player
from deskwire.model.readings import Player, PlayerId
from deskwire.model.units import Seconds

NAMES = f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0namespace='{ROOT}'"
CHANGES = f"type='signal',path='{PATH}',member='PropertiesChanged',arg0namespace='{ROOT}'"
SEEKS = f"type='signal',path='{PATH}',interface='{PLAYER}',member='Seeked'"


class PlayerRegistry:
    """All players on one bus connection; `changed` is set when the reading may differ."""

    def __init__(self, bus: Bus, ids: PlayerIds, artwork: Artwork) -> None:
        self.bus = bus
        self.changed = asyncio.Event()
        self._ids = ids
        self._artwork = artwork
        self._players: dict[str, BusPlayer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._owner_changes: dict[str, str] | None = {}
        self._failure: BaseException | None = None

    @asynccontextmanager
    async def following(self) -> AsyncIterator[Self]:
        """Follow the players while the context is open."""
        self._spawn(self._end_with_bus())
        try:
            async with self.bus.signals(self._receive, NAMES, CHANGES, SEEKS):
                await self._list_players()
                yield self
        finally:
            for player in self._players.values():
                player.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def pending(self) -> bool:
        """Whether values of at least one player are still being read."""
        return any(player.pending for player in self._players.values())

    @property
    def pending_until(self) -> Seconds:
        """Time until which a reading should wait; in the past if nothing is pending."""
        return max((p.pending_until for p in self._players.values()), default=Seconds(0.0))

    def player(self, owner: str) -> BusPlayer | None:
        """Return the player with this connection."""
        return self._players.get(owner)

    def reading(self) -> tuple[Player, ...]:
        """Return the players that are shown, in the order of their ids; raises `BusLost`."""
        if self._failure is not None:
            raise self._failure
        if self.bus.ended:
            raise BusLost("the session bus went away")
        shown = [player.reading(self._id(player)) for player in self._shown()]
        return tuple(sorted(shown, key=lambda player: int(player.id.removeprefix("player"))))

    def _id(self, player: BusPlayer) -> PlayerId:
        if self._ids.of(player.owner) is None:
            for duplicate in self._duplicates(player):
                self._ids.transfer(duplicate.owner, player.owner)
        return self._ids.assign(player.owner, player.names, player.process, player.connected_at)

    def _duplicates(self, player: BusPlayer) -> list[BusPlayer]:
        return [
            other
            for other in self._players.values()
            if (other.process, other.name) == (player.process, player.name) and other is not player
        ]

    def _shown(self) -> list[BusPlayer]:
        there = [p for p in self._players.values() if p.answered and not p.is_empty]
        processes = {p.process for p in there if BROWSER_BRIDGE not in p.names}
        shown: dict[object, BusPlayer] = {}
        for player in there:
            if BROWSER_BRIDGE in player.names and player.track.proxied_process in processes:
                continue
            shown.setdefault((player.process, player.name), player)
        return list(shown.values())

    async def _list_players(self) -> None:
        body = await self.bus.call(BUS, BUS_PATH, BUS, "ListNames")
        names = [name for name in body[0] if is_player(name)]
        owners = await asyncio.gather(*(self.bus.owner(name) for name in names))
        guid = await self.bus.guid()
        found = dict(zip(names, owners, strict=True)) | (self._owner_changes or {})
        self._owner_changes = None
        there = [(owner, name) for name, owner in found.items() if owner]
        self._ids.reset(guid, {owner for owner, _ in there})
        for owner, name in sorted(there, key=lambda each: (age(each[0]), each[1])):
            self._add_name(owner, name)

    def _receive(self, message: Message) -> None:
        match message.member, message.signature:
            case "NameOwnerChanged", "sss" if message.sender == BUS:
                name, before, after = message.body
                if not is_player(name):
                    return
                if self._owner_changes is not None:
                    self._owner_changes[name] = after
                else:
                    self._remove_name(before, name)
                    self._add_name(after, name)
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
                player.refresh_position()

    def _add_name(self, owner: str, name: str) -> None:
        if not owner:
            return
        player = self._players.get(owner)
        if player is None:
            player = BusPlayer(self.bus, owner, self._artwork, self.changed.set, self._spawn)
            self._players[owner] = player
            self._spawn(self._identify(player))
        if name not in player.names:
            player.names.append(name)

    def _remove_name(self, owner: str, name: str) -> None:
        player = self._players.get(owner)
        if player is None or name not in player.names:
            return
        if len(player.names) > 1:
            player.names.remove(name)
            return
        del self._players[owner]
        player.close()
        for duplicate in self._duplicates(player):
            self._ids.transfer(owner, duplicate.owner)
        now = Seconds(asyncio.get_running_loop().time())
        self._ids.release(owner, player.names, player.process, now)
        self.changed.set()

    async def _identify(self, player: BusPlayer) -> None:
        try:
            body = await self.bus.call(
                BUS, BUS_PATH, BUS, "GetConnectionUnixProcessID", "s", player.owner
            )
            player.process = int(body[0])
        except CallFailed:
            pass  # the connection ended, or the bus does not know the process
        if self._players.get(player.owner) is player:
            player.refresh()

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
            self._failure = task.exception()
            self.changed.set()


def age(owner: str) -> tuple[int, ...]:
    """Return a sort key for unique bus names: the oldest connection comes first."""
    return tuple(int(part) for part in owner.lstrip(":").split(".") if part.isdecimal())
