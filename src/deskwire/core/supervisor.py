"""Keeps the devices watched while somebody watches the desk, and only then.

A device that cannot be read is said to be absent, tried again with a growing pause, and spoken of
once when it goes and once when it is back. One device's trouble never touches another: this is one
of the two places that catch whatever is raised.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from deskwire.devices.device import Device
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds

FIRST_PAUSE = Seconds(0.25)
LONGEST_PAUSE = Seconds(2.0)

Take = Callable[[str, Any], None]

log = logging.getLogger("deskwire.devices")


class Supervisor:
    """Watches all devices at once, or none."""

    def __init__(self, devices: Mapping[str, Device[Any]], take: Take) -> None:
        self._devices = devices
        self._take = take
        self._watched = asyncio.Event()
        self._unwatched = asyncio.Event()
        self._troubles: dict[str, str] = {}

    def watch(self, watched: bool) -> None:
        """Begin to watch, or stop."""
        begin, end = self._watched, self._unwatched
        if not watched:
            begin, end = end, begin
        end.clear()
        begin.set()

    async def run(self) -> None:
        """Go on for ever; cancel it to stop."""
        while True:
            await self._watched.wait()
            keeping = [
                asyncio.create_task(self._keep(name, source), name=f"watch {name}")
                for name, source in self._devices.items()
            ]
            try:
                await self._unwatched.wait()
            finally:
                for task in keeping:
                    task.cancel()
                await asyncio.gather(*keeping, return_exceptions=True)

    async def _keep(self, name: str, source: Device[Any]) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async with aclosing(source.watch()) as readings:
                    async for reading in readings:
                        self._is_back(name)
                        self._take(name, reading)
                        pause = FIRST_PAUSE
                trouble = "its watch ended"
            except DeviceUnavailable as problem:
                trouble = problem.message
            except Exception:
                log.exception("%s failed by a bug of ours", name)
                trouble = "a bug of ours"
            self._is_gone(name, trouble)
            self._take(name, None)
            await asyncio.sleep(pause)
            pause = min(Seconds(pause * 2), LONGEST_PAUSE)

    def _is_gone(self, name: str, trouble: str) -> None:
        if self._troubles.get(name) != trouble:
            log.warning("%s: %s", name, trouble)
            self._troubles[name] = trouble

    def _is_back(self, name: str) -> None:
        if self._troubles.pop(name, None) is not None:
            log.info("%s: back", name)
