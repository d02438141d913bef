"""Base class of devices: a declaration, a watch of readings, and for some devices commands.

A device file declares everything about one device: the topic with the type of its readings, and
its commands. The store, the reference, the JSON Schema and the text of the command line are all
made from that declaration. See CONTRIBUTING.md for the steps to add a device or a command.

`watch()` yields the present reading, then each change, and `None` while the hardware is absent.
Its source (a poll of /proc, a signal on D-Bus, an event of the sound server) is private to the
device. A watch raises `DeviceUnavailable` when its source is missing or went away. The supervisor
then starts it again, so a device never waits for its own service.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Collection
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from msgspec import Struct

from deskwire.art.artwork import Artwork
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.kernel.kernel_file import Roots
from deskwire.devices.sound.address import FindServers, SoundServers
from deskwire.devices.ticker import Pace, Ticker
from deskwire.model.commands import Command
from deskwire.model.topics import Demand, Topic
from deskwire.model.units import Seconds

R_co = TypeVar("R_co", covariant=True)


class Resources(Struct, frozen=True, kw_only=True):
    """Everything that devices are made from."""

    roots: Roots
    interval: Seconds
    """Time between two readings of a polled device."""
    disk: Path
    """Mount point that the disk device describes."""
    buses: Buses
    sound: SoundServers | FindServers
    artwork: Artwork
    ticker: Ticker
    """The one timer of all polled devices."""


class Device(ABC, Generic[R_co]):
    """One device of the desk."""

    topic: ClassVar[Topic]
    commands: ClassVar[tuple[type[Command], ...]] = ()

    via: str
    """Present source of the readings, for a person: `UPower on the system bus`."""
    unanswered: tuple[str, ...] = ()
    """Names of the sources that had not answered by the first reading of the last watch."""

    def __init__(self, resources: Resources) -> None:
        self.interval = resources.interval
        self.pace = Pace(resources.ticker)

    def set_demand(self, demand: Demand) -> None:
        """Read as often as the demand asks for."""
        self.pace.set_demand(demand)

    @abstractmethod
    def watch(self) -> AsyncGenerator[R_co | None, None]:
        """Yield the present reading at once, then each that differs from the last.

        The first reading follows within 250 ms of the first `anext()`, or `DeviceUnavailable` is
        raised. Cancelling or closing the generator frees everything that it holds.
        """

    async def poll(self, read: Callable[[], R_co]) -> AsyncGenerator[R_co, None]:
        """Watch by reading: now, then at each interval; exceptions of `read` pass through."""
        last = read()
        yield last
        while True:
            await self.pace.tick(self.interval)
            reading = read()
            if reading != last:
                last = reading
                yield reading

    async def offered(self) -> Collection[type[Command]]:
        """Return the commands that work on this desk now, within 250 ms."""
        return self.commands

    async def perform(self, command: Command) -> None:
        """Carry out one of the declared commands in bounded time, or raise a `Problem`."""
        raise command.unsupported()
