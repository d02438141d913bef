"""Supervisor of the devices: runs each one only while its topic is demanded.

A device that cannot be read counts as absent. The supervisor retries it after a growing pause and
logs the failure once, and the recovery once. Every reading passes the check of `model.possible`,
and an impossible number is logged once for each field. One device's error never affects another:
this is one of the two places that catch every exception.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from deskwire.model.possible import check_reading
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.topics import Demand
from deskwire.model.units import Seconds

FIRST_PAUSE = Seconds(0.25)
LONGEST_PAUSE = Seconds(2.0)

Put = Callable[[str, Any], None]

log = logging.getLogger("deskwire.devices")


class Source(Protocol):
    """A device, as the supervisor sees it."""

    def set_demand(self, demand: Demand) -> None:
        """Read as often as the demand asks for."""

    def watch(self) -> AsyncGenerator[Any, None]:
        """Yield the current reading at once, then each that differs; `None` is absent hardware."""


class Supervisor:
    """Runs the demanded devices, each in a task of its own."""

    def __init__(self, devices: Mapping[str, Source], put: Put) -> None:
        self._devices = devices
        self._put = put
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[str, set[asyncio.Task[None]]] = {}
        """Stopped tasks that still close their sources."""
        self._problems: dict[str, str] = {}
        self._impossible: set[tuple[str, str]] = set()
        """Topics and fields whose impossible numbers were logged."""

    def set_demand(self, demand: Mapping[str, Demand]) -> None:
        """Run these topics' devices, each as slowly as its demand allows, and stop the others."""
        for name in self._tasks.keys() - demand.keys():
            self._stop(name)
        for name, wanted in demand.items():
            self._devices[name].set_demand(wanted)
            if name not in self._tasks:
                ending = frozenset(self._ending.get(name, ()))
                self._tasks[name] = asyncio.create_task(
                    self._run(name, ending), name=f"watch {name}"
                )

    async def close(self) -> None:
        """Stop every device."""
        for name in list(self._tasks):
            self._stop(name)
        ending = set().union(*self._ending.values())
        if ending:
            await asyncio.wait(ending)

    def _stop(self, name: str) -> None:
        task, ending = self._tasks.pop(name), self._ending.setdefault(name, set())
        ending.add(task)
        task.add_done_callback(ending.discard)
        task.cancel()

    async def _run(self, name: str, ending: frozenset["asyncio.Task[None]"]) -> None:
        if ending:
            await asyncio.wait(ending)
        device = self._devices[name]
        pause = FIRST_PAUSE
        while True:
            try:
                async with aclosing(device.watch()) as readings:
                    async for reading in readings:
                        self._log_recovery(name)
                        self._put(name, self._check(name, reading))
                        pause = FIRST_PAUSE
                problem = "its watch ended"
            except DeviceUnavailable as unavailable:
                problem = unavailable.message
            except Exception:
                log.exception("%s: unhandled exception", name)
                problem = "unhandled exception"
            self._log_failure(name, problem)
            self._put(name, None)
            await asyncio.sleep(pause)
            pause = min(Seconds(pause * 2), LONGEST_PAUSE)

    def _check(self, name: str, reading: Any) -> Any:
        """Return the reading without its impossible numbers."""
        checked = check_reading(reading)
        for field, message in checked.impossible:
            if (name, field) not in self._impossible:
                self._impossible.add((name, field))
                log.warning("%s: %s; it is left out", name, message)
        return checked.reading

    def _log_failure(self, name: str, problem: str) -> None:
        if self._problems.get(name) != problem:
            log.warning("%s: %s", name, problem)
            self._problems[name] = problem

    def _log_recovery(self, name: str) -> None:
        if self._problems.pop(name, None) is not None:
            log.info("%s: back", name)
