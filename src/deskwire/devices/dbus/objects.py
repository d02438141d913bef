"""Live view of the objects of one D-Bus service.

`GetManagedObjects` reads all objects once. Then `PropertiesChanged` brings changed and invalidated
properties, and the object manager's signals bring added and removed objects. Only the wanted
interfaces are stored and subscribed to.

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
READ_WAIT = Seconds(0.1)
"""Longest wait for a slow service; the device's first reading is due within 250 ms."""
READ_TIMEOUT = Seconds(10.0)
"""Timeout of a read; only the read itself waits that long."""
FIRST_PAUSE, LONGEST_PAUSE = Seconds(1.0), Seconds(30.0)
"""Pause before another read, after one without an answer; it doubles each time."""

Tree = dict[str, dict[str, dict[str, Any]]]
"""Properties by object path, interface and property name."""


class Objects:
    """Objects of the service that owns `name`; `changed` is called when they may differ."""

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
        self._owner_known = False
        self._tree: Tree | None = None
        self._read_task: asyncio.Task[None] | None = None
        self._signals_during_read: list[Message] | None = None
        self._pause = FIRST_PAUSE
        self._retry: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow the service while the context is open, even before it starts."""
        properties = (
            f"type='signal',sender='{self._name}',interface='{PROPERTIES}',"
            f"member='PropertiesChanged',arg0='{interface}'"
            for interface in sorted(self._interfaces)
        )
        object_signals = f"type='signal',sender='{self._name}',interface='{OBJECT_MANAGER}'"
        async with self._bus.signals(
            self._receive, owner_changes(self._name), *properties, object_signals
        ):
            owner = await self._bus.owner(self._name)
            if not self._owner_known:
                self._owner = owner
            try:
                yield
            finally:
                if self._retry is not None:
                    self._retry.cancel()
                if self._read_task is not None:
                    self._read_task.cancel()
                    await asyncio.wait({self._read_task})

    async def tree(self) -> Tree | None:
        """Return the objects, or `None` while the service is absent or has not answered.

        Waits at most `READ_WAIT` after the start of a read. `changed` reports a later answer, and
        the time for another read after one without an answer.
        """
        task = self._read_task
        reading = task is not None and not task.done() and not task.cancelling()
        if self._tree is None and self._owner and self._retry is None and not reading:
            self._read_task = asyncio.ensure_future(self._read(self._owner))
            await asyncio.wait({self._read_task}, timeout=READ_WAIT)
        return self._tree

    async def _read(self, owner: str) -> None:
        signals: list[Message] = []
        self._signals_during_read = signals
        try:
            # Call the owner and not the name, because a call to the name may start the service.
            body = await self._bus.call(
                owner, self._root, OBJECT_MANAGER, "GetManagedObjects", timeout=READ_TIMEOUT
            )
        except DeviceUnavailable:
            if owner == self._owner:
                self._retry_later()
                return
        else:
            if owner == self._owner:
                self._pause = FIRST_PAUSE
                self._tree = select_interfaces(body[0] if body else None, self._interfaces)
                for message in signals:
                    apply(self._tree, self._interfaces, message.member, message.path, message.body)
        finally:
            self._signals_during_read = None
        self._changed()

    def _retry_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._retry = loop.call_later(self._pause, self._end_pause)
        self._pause = min(Seconds(self._pause * 2), LONGEST_PAUSE)

    def _end_pause(self) -> None:
        """Allow another read now; a signal of the service is a reason for it."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._changed()

    def _receive(self, message: Message) -> None:
        if message.sender == BUS:
            if message.member == "NameOwnerChanged" and message.body[0] == self._name:
                self._owner = message.body[2] or None
                self._owner_known = True
                self._tree = None
                self._pause = FIRST_PAUSE
                if self._read_task is not None:
                    self._read_task.cancel()
                self._end_pause()
        elif message.sender == self._owner and message.interface in {PROPERTIES, OBJECT_MANAGER}:
            if self._signals_during_read is not None:
                self._signals_during_read.append(message)
            if self._tree is None:
                self._end_pause()
            elif apply(self._tree, self._interfaces, message.member, message.path, message.body):
                self._changed()


def select_interfaces(managed: Any, interfaces: frozenset[str]) -> Tree:
    """Return the wanted interfaces of an answer to GetManagedObjects."""
    tree: Tree = {}
    managed = unwrap(managed)
    if isinstance(managed, dict):
        for path, found in managed.items():
            apply(tree, interfaces, "InterfacesAdded", None, [path, found])
    return tree


def is_name(value: object) -> bool:
    """Tell whether an element of a signal is a string; a malformed signal may hold anything."""
    return isinstance(value, str)


def apply(
    tree: Tree, interfaces: frozenset[str], member: str | None, path: str | None, body: Any
) -> bool:
    """Apply one signal to `tree` and return whether it changed; malformed signals are ignored.

    `path` is the sender's object; only PropertiesChanged needs it.
    """
    match member, unwrap(body):
        case "PropertiesChanged", [str(interface), dict(changed), list(invalidated)]:
            properties = tree.get(path or "", {}).get(interface)
            if properties is None:
                return False
            before = dict(properties)
            properties.update(changed)
            for name in filter(is_name, invalidated):
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
            dropped = [there.pop(interface, None) for interface in filter(is_name, gone)]
            if not there:
                tree.pop(removed, None)
            return any(properties is not None for properties in dropped)
        case _:
            return False
