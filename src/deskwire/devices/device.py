"""What every device is: a watch of its readings, and for some a control.

A device's `watch()` says how it is now, then each change, and `None` while the hardware is
absent. What lies beneath (a poll of /proc, a signal on D-Bus, an event of the sound server) is
nobody else's business. A watch raises `DeviceUnavailable` when what it reads from is not there or
went away; it is then started again, so a device never waits for its own service inside.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import Struct

from deskwire.model.commands import Command
from deskwire.model.units import Seconds

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Roots(Struct, frozen=True):
    """Where the kernel's file systems are mounted; a captured tree in tests."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")


class Source(Protocol[R_co]):
    """One device, as something that can be watched."""

    @property
    def via(self) -> str:
        """What the readings come from just now, for a person: `UPower on the system bus`."""

    @property
    def absent(self) -> str:
        """What it means that a reading is `None`, for a person: `no system battery`."""

    def watch(self) -> AsyncGenerator[R_co | None, None]:
        """Yield the present reading at once, then each that differs from the last.

        The first reading follows within 250 ms of the first `anext()`, or `DeviceUnavailable` is
        raised. Cancelling or closing the generator frees everything it held.
        """


class Control(Protocol):
    """A device that obeys commands."""

    async def perform(self, command: Command) -> None:
        """Do it, or raise the `Problem` that says why not; bounded in time."""


async def poll(read: Callable[[], R], every: Seconds) -> AsyncGenerator[R, None]:
    """Watch by reading: now, then on each whole multiple of `every` of the loop's clock.

    All polls of one interval fall on the same instants, so a desk wakes once for all of them.
    Yields only what differs from the last reading. Whatever `read` raises goes through.
    """
    loop = asyncio.get_running_loop()
    last = read()
    yield last
    while True:
        await until_next(every, loop)
        reading = read()
        if reading != last:
            last = reading
            yield reading


async def until_next(every: Seconds, loop: asyncio.AbstractEventLoop) -> None:
    """Sleep until the next whole multiple of `every` on the loop's clock."""
    now = loop.time()
    await asyncio.sleep((now // every + 1) * every - now)


async def changed_or_due(changed: asyncio.Event, every: Seconds | None) -> bool:
    """Wait until `changed` is set, and clear it, or until the next whole multiple of `every`.

    Returns whether it changed. With `None` only the change counts, and no timer is set.
    """
    loop = asyncio.get_running_loop()
    due = None if every is None else (loop.time() // every + 1) * every
    try:
        async with asyncio.timeout_at(due):
            await changed.wait()
    except TimeoutError:
        return False
    changed.clear()
    return True
