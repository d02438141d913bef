"""Command router: checks the scope of a command and passes it to the device that declares it.

It also knows which commands the devices offer: a machine without swap cannot hibernate.
"""

import asyncio
import math
from collections.abc import Collection, Iterable
from typing import Protocol

from deskwire.model.access import Grant
from deskwire.model.commands import Command
from deskwire.model.problems import OutOfScope
from deskwire.model.units import Seconds

FRESH = Seconds(2.0)
"""Time for which the devices are not asked again, however many clients connect."""


class Performer(Protocol):
    """A device, as the router sees it."""

    @property
    def commands(self) -> tuple[type[Command], ...]:
        """Commands that the device carries out."""

    async def offered(self) -> Collection[type[Command]]:
        """Return those that work now, in bounded time."""

    async def perform(self, command: Command) -> None:
        """Carry out one of them in bounded time, or raise a `Problem`."""


class CommandRouter:
    """The commands of the devices that this desk runs."""

    def __init__(self, devices: Iterable[Performer]) -> None:
        self._performers = tuple(devices)
        self._devices = {
            command: device for device in self._performers for command in device.commands
        }
        self.commands = {command.name: command for command in self._devices}
        """Every command of this desk, by name."""
        self.offered = frozenset(self.commands)
        """Names of the commands that worked at the last `refresh()`."""
        self._refreshed = -math.inf
        self._refreshing = asyncio.Lock()

    async def refresh(self) -> None:
        """Ask the devices for the commands that work now, at most once in 2 s."""
        clock = asyncio.get_running_loop().time
        async with self._refreshing:
            if clock() - self._refreshed >= FRESH:
                found = await asyncio.gather(*(each.offered() for each in self._performers))
                self.offered = frozenset(command.name for each in found for command in each)
                self._refreshed = clock()

    async def perform(self, command: Command, grant: Grant) -> None:
        """Have a command carried out; raises `OutOfScope` or the device's `Problem`."""
        if command.scope not in grant.scopes:
            raise OutOfScope(f"{command.name} needs the scope {command.scope}")
        device = self._devices.get(type(command))
        if device is None:
            raise command.unsupported()
        await device.perform(command)
