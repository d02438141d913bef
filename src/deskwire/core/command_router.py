"""Command router: checks the scope of a command and passes it to the device that declares it."""

from collections.abc import Iterable
from typing import Protocol

from deskwire.model.access import Grant
from deskwire.model.commands import Command
from deskwire.model.problems import OutOfScope


class Performer(Protocol):
    """A device, as the router sees it."""

    @property
    def commands(self) -> tuple[type[Command], ...]:
        """Commands that the device carries out."""

    async def perform(self, command: Command) -> None:
        """Carry out one of them in bounded time, or raise a `Problem`."""


class CommandRouter:
    """The commands of the devices that this desk runs."""

    def __init__(self, devices: Iterable[Performer]) -> None:
        self._devices = {command: device for device in devices for command in device.commands}
        self.commands = {command.name: command for command in self._devices}
        """Every command of this desk, by name."""

    async def perform(self, command: Command, grant: Grant) -> None:
        """Have a command carried out; raises `OutOfScope` or the device's `Problem`."""
        if command.scope not in grant.scopes:
            raise OutOfScope(f"{command.name} needs the scope {command.scope}")
        device = self._devices.get(type(command))
        if device is None:
            raise command.unsupported()
        await device.perform(command)
