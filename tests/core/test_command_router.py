import asyncio

import pytest

from deskwire.core.command_router import FRESH, CommandRouter
from deskwire.model.access import ALL_SCOPES, Grant, LoginId, Scope
from deskwire.model.commands import Command, Next, Stop
from deskwire.model.problems import DeviceUnavailable, OutOfScope, UnknownPlayer
from deskwire.model.readings import PlayerId
from deskwire.model.units import Seconds

STOP = Stop(PlayerId("player1"))


class Light(Command, frozen=True):
    """Switch the light."""

    name = "light.set"
    scope = Scope.MONITOR
    on: bool


class Device:
    """A device that keeps the commands it got."""

    def __init__(self, *commands: type[Command]) -> None:
        self.commands = commands
        self.working = commands
        self.asked = 0
        self.performed: list[Command] = []

    async def offered(self) -> tuple[type[Command], ...]:
        self.asked += 1
        return self.working

    async def perform(self, command: Command) -> None:
        self.performed.append(command)


def grant(*scopes: Scope) -> Grant:
    return Grant("ann", LoginId("login"), "jti", frozenset(scopes), Seconds(0))


async def test_command_reaches_its_device() -> None:
    players, lights = Device(Next, Stop), Device(Light)
    router = CommandRouter([players, lights])

    await router.perform(STOP, grant(*ALL_SCOPES))
    await router.perform(Light(on=True), grant(*ALL_SCOPES))

    assert players.performed == [STOP]
    assert lights.performed == [Light(on=True)]


async def test_command_outside_the_scopes_of_a_grant_is_refused() -> None:
    players = Device(Stop)

    with pytest.raises(OutOfScope, match=r"players\.stop needs the scope control"):
        await CommandRouter([players]).perform(STOP, grant(Scope.MONITOR))

    assert players.performed == []


async def test_scope_is_that_of_the_command() -> None:
    lights = Device(Light)

    await CommandRouter([lights]).perform(Light(on=False), grant(Scope.MONITOR))

    assert lights.performed == [Light(on=False)]


async def test_player_command_without_a_players_device_names_an_unknown_player() -> None:
    with pytest.raises(UnknownPlayer, match="unknown player: player1"):
        await CommandRouter([]).perform(STOP, grant(*ALL_SCOPES))


async def test_command_without_a_device_is_unavailable() -> None:
    with pytest.raises(DeviceUnavailable, match=r"no device for light\.set"):
        await CommandRouter([Device(Stop)]).perform(Light(on=True), grant(*ALL_SCOPES))


@pytest.mark.virtual_time
async def test_commands_that_do_not_work_now_are_not_offered() -> None:
    players, lights = Device(Next, Stop), Device(Light)
    router = CommandRouter([players, lights])
    offered = [router.offered]

    players.working = (Stop,)
    await router.refresh()
    offered.append(router.offered)
    players.working, lights.working = (Next, Stop), ()
    await asyncio.sleep(FRESH)
    await router.refresh()
    offered.append(router.offered)

    stop, skip, light = "players.stop", "players.next", "light.set"
    assert offered == [{stop, skip, light}, {stop, light}, {stop, skip}]
    assert set(router.commands) == {stop, skip, light}


@pytest.mark.virtual_time
async def test_many_clients_at_once_ask_the_devices_once_in_two_seconds() -> None:
    lights = Device(Light)
    router = CommandRouter([lights])

    await asyncio.gather(*(router.refresh() for _ in range(50)))
    await asyncio.sleep(FRESH / 2)
    await router.refresh()

    assert lights.asked == 1
