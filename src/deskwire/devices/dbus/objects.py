"""The objects of one D-Bus service, read once and then kept up to date by its signals.

After the first answer nothing is asked again: `PropertiesChanged` carries what changed and what
lost its value, and the object manager's signals carry what came and went. What is kept is narrowed
to the interfaces somebody wants, and so is what the bus sends us.

Source: the D-Bus specification, standard interfaces Properties and ObjectManager.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from dbus_fast import Message

from deskwire.devices.dbus.buses import (
    BUS,
    PROPERTIES,
    Bus,
    owner_changes,
    unwrap,
)
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds

OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PATIENCE = Seconds(0.1)
"""A reading is due within 250 ms, also while a service is slow or hangs."""

Tree = dict[str, dict[str, dict[str, Any]]]
"""Properties by object path, interface and name."""


class Objects:
    """What the service that owns `name` has; `changed` is called whenever that may differ."""

    def __init__(
        self,
        bus: Bus,
        name: str,
        root: str,
        interfaces: frozenset[str],
        changed: Callable[[], None],
    ) -> None:
        self._bus = bus
        self._name = name
        self._root = root
        self._interfaces = interfaces
        self._changed = changed
        self._owner: str | None = None
        self._owner_heard = False
        self._tree: Tree | None = None
        self._reading: asyncio.Task[None] | None = None
        self._missed: list[Message] | None = None

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Follow the service while entered, whether it is there yet or not."""
        properties = (
            f"type='signal',sender='{self._name}',interface='{PROPERTIES}',"
            f"member='PropertiesChanged',arg0='{interface}'"
            for interface in sorted(self._interfaces)
        )
        comings = f"type='signal',sender='{self._name}',interface='{OBJECT_MANAGER}'"
        async with self._bus.signals(
            self._receive, owner_changes(self._name), *properties, comings
        ):
            owner = await self._bus.owner(self._name)
            if not self._owner_heard:
                self._owner = owner
            try:
                yield
            finally:
                if self._reading is not None:
                    self._reading.cancel()
                    await asyncio.wait({self._reading})

    async def tree(self) -> Tree | None:
        """Return the objects, or `None` while the service is away or has not answered yet.

        One that is slow is waited for no longer than `PATIENCE`; `changed` tells of its answer.
        """
        if self._tree is None and self._owner is not None:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.ensure_future(self._read(self._owner))
            await asyncio.wait({self._reading}, timeout=PATIENCE)
        return self._tree

    async def _read(self, owner: str) -> None:
        missed: list[Message] = []
        self._missed = missed
        try:
            # To the owner and not to the name, which could start a service by asking.
            body = await self._bus.call(owner, self._root, OBJECT_MANAGER, "GetManagedObjects")
        except DeviceUnavailable:
            if owner == self._owner:
                return  # asked again when it says something
        else:
            if owner == self._owner:
                self._tree = kept_of(body[0] if body else None, self._interfaces)
                for message in missed:
                    apply(self._tree, self._interfaces, message.member, message.path, message.body)
        finally:
            self._missed = None
        self._changed()

    def _receive(self, message: Message) -> None:
        if message.sender == BUS:
            if message.member == "NameOwnerChanged" and message.body[0] == self._name:
                self._owner = message.body[2] or None
                self._owner_heard = True
                self._tree = None
                self._changed()
        elif message.sender == self._owner and message.interface in {PROPERTIES, OBJECT_MANAGER}:
            if self._missed is not None:
                self._missed.append(message)
            if self._tree is None or apply(
                self._tree, self._interfaces, message.member, message.path, message.body
            ):
                self._changed()


def kept_of(managed: Any, interfaces: frozenset[str]) -> Tree:
    """Keep the wanted interfaces of what GetManagedObjects answered."""
    tree: Tree = {}
    managed = unwrap(managed)
    if isinstance(managed, dict):
        for path, found in managed.items():
            apply(tree, interfaces, "InterfacesAdded", None, [path, found])
    return tree


def apply(
    tree: Tree, interfaces: frozenset[str], member: str | None, path: str | None, body: Any
) -> bool:
    """Bring `tree` up to date with one signal; whether it changed. What is malformed is passed by.

    `path` is the object the signal came from; it says which for PropertiesChanged only.
    """
    match member, unwrap(body):
        case "PropertiesChanged", [str(interface), dict(changed), list(invalidated)]:
            properties = tree.get(path or "", {}).get(interface)
            if properties is None:
                return False
            before = dict(properties)
            properties.update(changed)
            for name in invalidated:
                properties.pop(name, None)
            return properties != before
        case "InterfacesAdded", [str(added), dict(found)]:
            wanted = {
                interface: dict(properties)
                for interface, properties in found.items()
                if interface in interfaces and isinstance(properties, dict)
            }
            if wanted:
                tree.setdefault(added, {}).update(wanted)
            return bool(wanted)
        case "InterfacesRemoved", [str(removed), list(gone)]:
            there = tree.get(removed, {})
            dropped = [there.pop(interface, None) for interface in gone]
            if not there:
                tree.pop(removed, None)
            return any(properties is not None for properties in dropped)
        case _:
            return False
