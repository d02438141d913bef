"""Reader of a player's properties: `GetAll`, else one question for each property.

Some players answer `GetAll` with an error because one property fails, some never answer it, and
some answer with nothing. Then each property is asked for, and values that the player signals count
as answers too. If nothing works, the reader waits for a growing time and asks again. Any signal of
the player ends that wait.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from deskwire.devices.dbus.buses import PROPERTIES, Bus, CallFailed, CallTimedOut, unwrap
from deskwire.devices.mpris.values import CONTROLS, PATH, PLAYER, ROOT, parse_text
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds

ANSWER_TIMEOUT = Seconds(30.0)
"""Timeout of `GetAll`. Nothing waits for it; a player that resumes answers it."""
ASK_EACH_AFTER = Seconds(1.0)
"""Time without an answer to `GetAll` after which each property is asked for."""
SHORTEST_PAUSE = Seconds(0.25)
"""Pause that no signal shortens."""
FIRST_PAUSE = SHORTEST_PAUSE
LONGEST_PAUSE = Seconds(30.0)
ESSENTIAL = frozenset({"PlaybackStatus", "Metadata"})
"""A player that tells one of these is known."""
FOLLOWED = ESSENTIAL | {"Position", "CanControl"} | CONTROLS.keys()
"""Properties that a reading depends on."""


class PropertyReader:
    """Questions for the properties of one player."""

    def __init__(self, bus: Bus, owner: str) -> None:
        self._bus = bus
        self._owner = owner
        self._news = asyncio.Event()
        self.signalled: dict[str, Any] = {}
        """Values of signals since the last question, which are newer than its answer."""
        self._skip_all = False
        """Whether `GetAll` failed and single questions did not."""

    def on_signal(self, values: Mapping[str, Any]) -> None:
        """Note the values of a signal; it ends a pause."""
        self.signalled |= values
        self._news.set()

    async def read(self) -> dict[str, Any]:
        """Return all followed properties that the player tells, however long that takes."""
        pause = FIRST_PAUSE
        earlier: dict[str, Any] = {}
        while True:
            self._news.clear()
            self.signalled = {}
            values = await self._ask()
            earlier |= self.signalled
            if is_known(values):
                return values | self.signalled
            if is_known(earlier):
                return values | earlier
            await asyncio.sleep(SHORTEST_PAUSE)
            await self._wait_for_news(Seconds(pause - SHORTEST_PAUSE))
            earlier |= self.signalled
            pause = Seconds(min(2 * pause, LONGEST_PAUSE))

    async def read_position(self) -> Any:
        """Return the value of `Position`; `None` without an answer."""
        return await self._get(PLAYER, "Position")

    async def read_identity(self) -> str:
        """Return the player's name for itself, or an empty text."""
        return parse_text(await self._get(ROOT, "Identity"))

    async def _wait_for_news(self, pause: Seconds) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._news.wait()

    async def _ask(self) -> dict[str, Any]:
        if self._skip_all:
            values = await self._ask_each()
            self._skip_all = is_known(values)
            return values
        everything = asyncio.ensure_future(self._ask_all())
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({everything}, timeout=ASK_EACH_AFTER)
            if everything.done() and is_known(everything.result()):
                return everything.result()
            values = await self._ask_each()
            self._skip_all = is_known(values)
            if self._skip_all:
                return values
            await asyncio.wait({everything, news}, return_when=asyncio.FIRST_COMPLETED)
            return everything.result() if everything.done() else {}
        finally:
            everything.cancel()
            news.cancel()

    async def _ask_all(self) -> dict[str, Any]:
        try:
            return await self._bus.properties(self._owner, PATH, PLAYER, timeout=ANSWER_TIMEOUT)
        except DeviceUnavailable:  # the end of the bus is reported by the next question
            return {}

    async def _ask_each(self) -> dict[str, Any]:
        names = sorted(FOLLOWED)
        answers = await asyncio.gather(*(self._get(PLAYER, name) for name in names))
        return {name: it for name, it in zip(names, answers, strict=True) if it is not None}

    async def _get(self, interface: str, name: str) -> Any:
        try:
            body = await self._bus.call(self._owner, PATH, PROPERTIES, "Get", "ss", interface, name)
        except (CallFailed, CallTimedOut):
            return None
        return unwrap(body[0]) if body else None


def is_known(values: Mapping[str, Any]) -> bool:
    """Return whether these properties are enough to show the player."""
    return not ESSENTIAL.isdisjoint(values)
