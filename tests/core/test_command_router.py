import pytest

from deskwire.core.command_router import CommandRouter
from deskwire.model.access import ALL_SCOPES, Grant, LoginId, Scope
from deskwire.model.commands import Action, Command
from deskwire.model.problems import OutOfScope, UnknownPlayer
from deskwire.model.readings import PlayerId
from deskwire.model.units import Seconds

COMMAND = Command(Action.STOP, PlayerId("player1"))


def grant(*scopes: Scope) -> Grant:
    return Grant("ann", LoginId("login"), "jti", frozenset(scopes), Seconds(0))


async def test_a_grant_that_covers_it_has_it_done() -> None:
    done: list[Command] = []

    async def perform(command: Command) -> None:
        done.append(command)

    await CommandRouter(perform).perform(COMMAND, grant(*ALL_SCOPES))

    assert done == [COMMAND]


async def test_who_may_only_watch_moves_nothing() -> None:
    async def perform(command: Command) -> None:
        pytest.fail(f"{command} was done")

    with pytest.raises(OutOfScope):
        await CommandRouter(perform).perform(COMMAND, grant(Scope.MONITOR))


async def test_where_players_are_disabled_there_is_no_such_player() -> None:
    with pytest.raises(UnknownPlayer):
        await CommandRouter(None).perform(COMMAND, grant(*ALL_SCOPES))
