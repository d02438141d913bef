"""Volume of the default output, and the commands that set it.

The level is that of the loudest channel, which desktops show too. A new level scales all channels,
so the balance stays. Muting does not change the level: it is the one that the sound comes back
with. The silent stand-in that a server invents without an output (`auto_null`) counts as absent.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from msgspec import Meta

from deskwire.devices.device import Device, Resources
from deskwire.devices.sound.packets import Sink
from deskwire.devices.sound.server import CALL_TIMEOUT, SoundServer, connected, timed_out
from deskwire.model.commands import Command
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Volume
from deskwire.model.topics import Topic
from deskwire.model.units import Percent, Seconds

STAND_INS = frozenset({"auto_null", "@DEFAULT_SINK@", "@NONE@"})
"""Names of an absent sink, from module-always-sink and from PipeWire."""

FIRST_TIMEOUT = Seconds(0.2)
"""Timeout for the connection, and again for the first answer.

A server that hangs does so while connecting, so the watch knows within 250 ms. The watch after a
failed one waits longer, because the server may only be slow.
"""
COMMAND_TIMEOUT = Seconds(1.0)


class SetVolume(Command, frozen=True):
    """Set the volume of the default output."""

    name = "volume.set"
    level: Annotated[Percent, Meta(description="New level of the loudest channel, 0 to 100")]


class ChangeVolume(Command, frozen=True):
    """Change the volume of the default output, up to 100 percent."""

    name = "volume.change"
    by: Annotated[float, Meta(ge=-100, le=100, description="Percent to add; negative is quieter")]


class MuteVolume(Command, frozen=True):
    """Mute the default output, or restore its sound."""

    name = "volume.mute"
    muted: Annotated[bool, Meta(description="Whether the output is mute")]


class VolumeDevice(Device[Volume]):
    """The default sink of the sound server."""

    topic = Topic("volume", Volume, absent="no sound output")
    commands = (SetVolume, ChangeVolume, MuteVolume)

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self.via = "the sound server"
        self._servers = resources.sound
        self._connection: SoundServer | None = None
        self._failed = False
        """Whether the last watch ended before its first reading."""

    async def watch(self) -> AsyncGenerator[Volume | None, None]:
        """Yield the present volume, then each that differs.

        Raises `DeviceUnavailable` if the sound server is missing, ends or hangs.
        """
        timeout = CALL_TIMEOUT if self._failed else FIRST_TIMEOUT
        self._failed = True
        async with connected(self._servers, timeout) as sound:
            reading = parse_volume(await sound.default_sink(timeout))
            self._failed = False
            self.via = sound.name
            self._connection = sound
            try:
                yield reading
                while True:
                    await sound.changed()
                    last, reading = reading, parse_volume(await sound.default_sink())
                    if reading != last:
                        yield reading
            finally:
                self._connection = None

    async def perform(self, command: Command) -> None:
        """Change the default sink within 1 s; raises `DeviceUnavailable`."""
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT), self._connected() as sound:
                sink = await sound.default_sink()
                if sink is None or parse_volume(sink) is None:
                    raise DeviceUnavailable("there is no sound output")
                match command:
                    case SetVolume(level):
                        await sound.set_volume(sink, scale_channels(sink.channels, level))
                    case ChangeVolume(by):
                        now = max(sink.channels) * 100
                        if by < 0 or now < 100:  # louder never lowers a level above 100
                            channels = scale_channels(sink.channels, Percent(now + by))
                            await sound.set_volume(sink, channels)
                    case MuteVolume(muted):
                        await sound.set_mute(sink, muted=muted)
        except TimeoutError:
            raise timed_out() from None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[SoundServer]:
        """Use the connection of the watch, or one for this command while there is no watch."""
        if self._connection is not None:
            yield self._connection
            return
        async with connected(self._servers, COMMAND_TIMEOUT) as sound:
            yield sound


def parse_volume(sink: Sink | None) -> Volume | None:
    """Return the volume of the loudest channel, halves rounded up."""
    if sink is None or sink.name in STAND_INS or not sink.channels:
        return None
    return Volume(Percent(math.floor(max(sink.channels) * 100 + 0.5)), sink.muted)


def scale_channels(channels: tuple[float, ...], level: Percent) -> list[float]:
    """Return volumes in the same balance whose loudest is `level`, which is cut to 0 to 100."""
    loudest = max(channels)
    wanted = min(100.0, max(0.0, level)) / 100
    return [wanted * (channel / loudest if loudest else 1.0) for channel in channels]
