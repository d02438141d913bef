"""How loud the desk is: the volume of the default sink.

The level is that of the loudest channel, which is what desktops' sliders show when the balance is
not in the middle. Muting leaves it alone: a screen has one number, and it is the one the sound
comes back with. The silent stand-in that a server makes up while there is no output (`auto_null`)
is no sink.
"""

import math
from collections.abc import AsyncGenerator

from deskwire.devices.device import Device, Resources
from deskwire.devices.sound.packets import Sink
from deskwire.devices.sound.server import connected
from deskwire.model.readings import Volume
from deskwire.model.topics import Topic
from deskwire.model.units import Percent, Seconds

STAND_INS = frozenset({"auto_null", "@DEFAULT_SINK@", "@NONE@"})
"""Names of no sink at all: module-always-sink's, and what PipeWire says while it has none."""

FIRST_TIMEOUT = Seconds(0.2)
"""For connecting, and again for the first answer. A server that hangs does so in the first of them,
so that a watch has its first reading, or says why not, within 250 ms."""


class VolumeDevice(Device[Volume]):
    """The default sink's volume, told by the sound server's own events."""

    topic = Topic("volume", Volume, absent="no sound output")

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self.via = "the sound server"
        self._servers = resources.sound

    async def watch(self) -> AsyncGenerator[Volume | None, None]:
        """Yield the present volume, then each that differs.

        Raises `DeviceUnavailable` where there is no sound server, when it goes or hangs.
        """
        async with connected(self._servers, FIRST_TIMEOUT) as sound:
            reading = parse_volume(await sound.default_sink(FIRST_TIMEOUT))
            self.via = sound.name
            yield reading
            while True:
                await sound.changed()
                last, reading = reading, parse_volume(await sound.default_sink())
                if reading != last:
                    yield reading


def parse_volume(sink: Sink | None) -> Volume | None:
    """Return the volume of the loudest channel, halves rounded up."""
    if sink is None or sink.name in STAND_INS or not sink.channels:
        return None
    return Volume(Percent(math.floor(max(sink.channels) * 100 + 0.5)))
