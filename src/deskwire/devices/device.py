"""What every device is: a watch of its readings, and for some a control.

A device's `watch()` says how it is now, then each change, and `None` while the hardware is
absent. What lies beneath (a poll of /proc, a signal on D-Bus, an event of the sound server) is
nobody else's business. A watch raises `DeviceUnavailable` when what it reads from is not there or
went away; it is then started again, so a device never waits for its own service inside.
"""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import Struct

from deskwire.devices.ticker import Ticker
from deskwire.model.commands import Command

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Roots(Struct, frozen=True):
    """Where the kernel's file systems are mounted; a captured tree in tests."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")


class Device(Protocol[R_co]):
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


async def poll(read: Callable[[], R], ticker: Ticker) -> AsyncGenerator[R, None]:
    """Watch by reading: now, then at each instant of the beat.

    Yields only what differs from the last reading. Whatever `read` raises goes through.
    """
    last = read()
    yield last
    while True:
        await ticker.next()
        reading = read()
        if reading != last:
            last = reading
            yield reading
