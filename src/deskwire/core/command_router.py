"""The way of a command to its device: may this grant do it, and who does it."""

from collections.abc import Awaitable, Callable

from deskwire.model.access import Grant, Scope
from deskwire.model.commands import Command
from deskwire.model.problems import OutOfScope, UnknownPlayer

Perform = Callable[[Command], Awaitable[None]]


class CommandRouter:
    """Checks the scope, then hands the command to the players."""

    def __init__(self, players: Perform | None) -> None:
        """`players` is `None` where that device is disabled."""
        self._players = players

    async def perform(self, command: Command, grant: Grant) -> None:
        """Have it done; raises `OutOfScope` or the player's own `Problem`."""
        if Scope.CONTROL not in grant.scopes:
            raise OutOfScope("this login may watch, not control")
        if self._players is None:
            raise UnknownPlayer("no such player")
        await self._players(command)
