"""The scene on the event loop: readings into the publisher, commands out of the router, pictures.

It stands where the devices and their supervisor stand in the daemon. The scene begins when somebody
first watches, and goes on whether or not somebody does.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from deskwire.art.picture import Art, make_art
from deskwire.art.picture_store import PictureStore
from deskwire.model.commands import Command, Next, PlayerCommand, PlayPause, Previous, Stop
from deskwire.model.problems import PlayerTimeout
from deskwire.model.readings import ArtKey, Snapshot
from deskwire.model.topics import Demand
from deskwire.model.units import Seconds
from deskwire.simulator.covers import made_up
from deskwire.simulator.scenario import Scenario
from deskwire.simulator.simulation import Stage

BEAT = Seconds(1.0)
ANSWERS_WITHIN = Seconds(1.0)
"""How long a player that hangs is waited for."""

Put = Callable[[str, Any], None]


class SceneDesk:
    """A desk of which a scene tells."""

    commands = (PlayPause, Next, Previous, Stop)

    def __init__(self, scenario: Scenario, pictures: Mapping[ArtKey, bytes], put: Put) -> None:
        self._scenario = scenario
        self._pictures = pictures
        self._put = put
        self._stage: Stage | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._kept = PictureStore(lambda _: None, self._now)
        self._named: set[ArtKey] = set()

    def set_demand(self, demand: Mapping[str, Demand]) -> None:
        """Publish every reading, now that there is a subscriber."""
        if demand:
            self._tell(self._begun())

    def stop(self) -> None:
        """Let nothing more happen."""
        if self._timer is not None:
            self._timer.cancel()

    async def perform(self, command: Command) -> None:
        """Carry out a command, or raise the scenario's problem, for a timeout after 1 s."""
        assert isinstance(command, PlayerCommand)
        stage = self._begun()
        if stage.refusal(command) == PlayerTimeout.code:
            await asyncio.sleep(ANSWERS_WITHIN)
        stage.obey(command, self._now())
        self._tell(stage)

    def find(self, key: str) -> Art | None:
        """Return a picture that a player names now or did within the last minute."""
        return self._kept.find(ArtKey(key))

    def _begun(self) -> Stage:
        if self._stage is None:
            self._stage = Stage(self._scenario, self._now())
        return self._stage

    def _tell(self, stage: Stage) -> None:
        now = self._now()
        stage.tick(now)
        snapshot = stage.snapshot(now)
        self._name({player.art for player in snapshot.players if player.art is not None})
        for name in Snapshot.__struct_fields__:
            self._put(name, getattr(snapshot, name))
        self._tell_later(stage, now)

    def _tell_later(self, stage: Stage, now: Seconds) -> None:
        self.stop()
        due = (now // BEAT + 1) * BEAT
        if stage.next is not None:
            due = min(due, stage.next)
        # a callback and no task: it runs before the publisher's own, which follows the beat at once
        self._timer = asyncio.get_running_loop().call_at(due, self._tell, stage)

    def _name(self, named: set[ArtKey]) -> None:
        for key in named - self._named:
            content = self._pictures.get(key)
            self._kept.hold(key, make_art(made_up(key) if content is None else content))
        for key in self._named - named:
            self._kept.release(key)
        self._named = named

    @staticmethod
    def _now() -> Seconds:
        return Seconds(asyncio.get_running_loop().time())
