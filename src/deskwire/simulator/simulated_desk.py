"""Simulated desk: runs a simulation on the event loop.

It replaces the devices and their supervisor. The scenario starts with the first subscriber and
continues without one.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from deskwire.art.picture import Art, make_art
from deskwire.art.picture_store import PictureStore
from deskwire.devices.backlight import BacklightDevice
from deskwire.devices.players import PlayersDevice
from deskwire.devices.session import SessionDevice
from deskwire.devices.volume import VolumeDevice
from deskwire.model.commands import Command, PlayerCommand
from deskwire.model.readings import ArtKey
from deskwire.model.topics import Demand
from deskwire.model.units import Seconds
from deskwire.simulator.covers import generated_cover
from deskwire.simulator.scenario import Scenario
from deskwire.simulator.simulation import Simulation

INTERVAL = Seconds(1.0)
HANG_TIMEOUT = Seconds(1.0)
"""Time until a hanging player causes a timeout, in seconds."""

Put = Callable[[str, Any], None]


class SimulatedDesk:
    """Publishes the readings of a simulation and carries out commands in it."""

    commands: tuple[type[Command], ...] = (
        *PlayersDevice.commands,
        *VolumeDevice.commands,
        *BacklightDevice.commands,
        *SessionDevice.commands,
    )

    def __init__(self, scenario: Scenario, pictures: Mapping[ArtKey, bytes], put: Put) -> None:
        self._scenario = scenario
        self._pictures = pictures
        self._put = put
        self._simulation: Simulation | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pictures_by_key = PictureStore(lambda _: None, self._now)
        self._named: set[ArtKey] = set()

    def set_demand(self, demand: Mapping[str, Demand]) -> None:
        """Publish every reading, now that there is a subscriber."""
        if demand:
            self._publish(self._started())

    def stop(self) -> None:
        """Stop the simulation."""
        if self._timer is not None:
            self._timer.cancel()

    async def offered(self) -> tuple[type[Command], ...]:
        """Return all commands."""
        return self.commands

    async def perform(self, command: Command) -> None:
        """Carry out a command, or raise the scenario's problem, for a timeout after 1 s."""
        simulation = self._started()
        if isinstance(command, PlayerCommand) and simulation.hangs(command):
            await asyncio.sleep(HANG_TIMEOUT)
        simulation.perform(command, self._now())
        self._publish(simulation)

    def find(self, key: str) -> Art | None:
        """Return a picture that a player names now or did within the last minute."""
        return self._pictures_by_key.find(ArtKey(key))

    def _started(self) -> Simulation:
        if self._simulation is None:
            self._simulation = Simulation(self._scenario, self._now())
        return self._simulation

    def _publish(self, simulation: Simulation) -> None:
        now = self._now()
        simulation.tick(now)
        readings = simulation.readings(now)
        self._name({player.art for player in readings["players"] if player.art is not None})
        for name, reading in readings.items():
            self._put(name, reading)
        self._schedule(simulation, now)

    def _schedule(self, simulation: Simulation, now: Seconds) -> None:
        self.stop()
        due = (now // INTERVAL + 1) * INTERVAL
        if simulation.next is not None:
            due = min(due, simulation.next)
        # a callback and not a task, so that it runs before the publisher's callback
        self._timer = asyncio.get_running_loop().call_at(due, self._publish, simulation)

    def _name(self, named: set[ArtKey]) -> None:
        for key in named - self._named:
            content = self._pictures.get(key)
            self._pictures_by_key.hold(
                key, make_art(generated_cover(key) if content is None else content)
            )
        for key in self._named - named:
            self._pictures_by_key.release(key)
        self._named = named

    @staticmethod
    def _now() -> Seconds:
        return Seconds(asyncio.get_running_loop().time())
