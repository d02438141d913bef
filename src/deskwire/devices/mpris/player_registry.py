"""Registry of the players on the session bus, and the choice of those to show.

The registry leaves out proxies of other players, players with nothing to show, players that have
not answered yet, doubles of another player, and the browser bridge while its browser is shown. Two
names on one connection are one player.

A player that releases its name may take it again within 2 s (Firefox does at each new page). It
stays until then, unless its connection ends or another connection has taken the name.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from dbus_fast import Message

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import (
    BUS,
    BUS_PATH,
    PROPERTIES,
    Bus,
    BusLost,
    CallFailed,
    CallTimedOut,
    owner_changes,
)
from deskwire.devices.mpris.bus_player import BusPlayer
from deskwire.devices.mpris.current_track import GAP
from deskwire.devices.mpris.doubles import Doubles, is_engine
from deskwire.devices.mpris.player_ids import PlayerIds
from deskwire.devices.mpris.playhead import CHECK_INTERVAL
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
        self._interval = CHECK_INTERVAL
        self._doubles = Doubles()
        self._double_timer: asyncio.TimerHandle | None = None
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
            if self._double_timer is not None:
                self._double_timer.cancel()
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

    @property
    def unanswered(self) -> tuple[str, ...]:
        """Names of the players that have not answered yet."""
        return tuple(player.name for player in self._players.values() if not player.answered)

    def set_interval(self, interval: Seconds) -> None:
        """Ask each player for its position at this interval or sooner."""
        self._interval = max(interval, CHECK_INTERVAL)
        for player in self._players.values():
            player.set_interval(self._interval)

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
            for double in self._doubles_of(player):
                self._ids.transfer(double.owner, player.owner)
        return self._ids.assign(player.owner, player.names, player.process, player.connected_at)

    def _doubles_of(self, player: BusPlayer) -> list[BusPlayer]:
        now = self._now()
        return [
            other
            for other in self._players.values()
            if other is not player and self._doubles.are_one(player, other, now)
        ]

    def _has_shown_double(self, player: BusPlayer) -> bool:
        doubles = self._doubles_of(player)
        return any(each.answered and each.has_name and not each.is_hidden for each in doubles)

    def _shown(self) -> list[BusPlayer]:
        there = [p for p in self._players.values() if p.answered and not p.is_hidden]
        for player in [each for each in there if not each.has_name]:
            if any(not set(player.names).isdisjoint(p.names) for p in there if p.has_name):
                there.remove(player)
                self._remove(player)
        processes = {p.process for p in there if BROWSER_BRIDGE not in p.names}
        shown: list[BusPlayer] = []
        now = self._now()
        for player in sorted(there, key=self._precedence):
            if BROWSER_BRIDGE in player.names and player.track.proxied_process in processes:
                continue
            # every pair, because an answer depends on the ones before
            doubles = [self._doubles.are_one(player, other, now) for other in shown]
            if not any(doubles):
                shown.append(player)
        self._watch_doubles()
        return shown

    def _precedence(self, player: BusPlayer) -> tuple[object, ...]:
        """Return a sort key: of several doubles the first one is shown."""
        waits = not player.has_name or player.is_between_tracks
        return waits, is_engine(player), age(player.owner)

    def _watch_doubles(self) -> None:
        """Look again at the time when two connections may stop to be one player."""
        if self._double_timer is not None:
            self._double_timer.cancel()
            self._double_timer = None
        due = self._doubles.next_change()
        if due is not None:
            loop = asyncio.get_running_loop()
            self._double_timer = loop.call_at(due, self.changed.set)

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
                player.on_seeked(message.body[0] if message.body else None)

    def _add_name(self, owner: str, name: str) -> None:
        if not owner:
            return
        player = self._players.get(owner)
        if player is None:
            player = BusPlayer(self.bus, owner, self._artwork, self.changed.set, self._spawn)
            player.set_interval(self._interval)
            self._players[owner] = player
            self._spawn(self._identify(player))
        if not player.has_name:
            player.names.clear()
            player.on_named()
        if name not in player.names:
            player.names.append(name)

    def _remove_name(self, owner: str, name: str) -> None:
        player = self._players.get(owner)
        if player is None or name not in player.names:
            return
        if len(player.names) > 1:
            player.names.remove(name)
        elif not player.answered or player.is_hidden or self._has_shown_double(player):
            self._remove(player)
        else:
            self._spawn(self._wait_for_name(player))

    async def _wait_for_name(self, player: BusPlayer) -> None:
        """Remove a player without a name, at once if its connection ended, else after a gap."""
        ended = asyncio.Event()

        def on_signal(message: Message) -> None:
            from_bus = (message.sender, message.member) == (BUS, "NameOwnerChanged")
            if from_bus and message.body == [player.owner, player.owner, ""]:
                ended.set()

        player.has_name = False
        released = None
        until = self._now() + GAP
        with suppress(CallFailed, CallTimedOut, TimeoutError):
            async with self.bus.signals(on_signal, owner_changes(player.owner)):
                body = await self.bus.call(BUS, BUS_PATH, BUS, "NameHasOwner", "s", player.owner)
                if body[0] and not player.has_name:
                    player.on_released()
                    released = player.released_at
                    async with asyncio.timeout_at(until):
                        await ended.wait()
        is_present = self._players.get(player.owner) is player
        if is_present and not player.has_name and player.released_at == released:
            self._remove(player)

    def _remove(self, player: BusPlayer) -> None:
        """Forget a player without a name; its id may be taken over."""
        del self._players[player.owner]
        player.close()
        for double in self._doubles_of(player):
            self._ids.transfer(player.owner, double.owner)
        self._doubles.forget(player.owner)
        released = self._now() if player.released_at is None else player.released_at
        self._ids.release(player.owner, player.names, player.process, released)
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

    @staticmethod
    def _now() -> Seconds:
        return Seconds(asyncio.get_running_loop().time())

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
