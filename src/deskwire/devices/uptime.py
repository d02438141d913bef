"""Time since boot.

Source: /proc/uptime, proc_uptime(5): seconds since boot, including suspend.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from deskwire.devices.device import Device, Resources
from deskwire.devices.kernel.kernel_file import KernelFile
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Uptime
from deskwire.model.topics import Topic
from deskwire.model.units import Seconds


class UptimeDevice(Device[Uptime]):
    """Time since the machine booted."""

    topic = Topic("uptime", Uptime, absent="no boot", periodic=True)

    def __init__(self, resources: Resources) -> None:
        super().__init__(resources)
        self._path = resources.roots.proc / "uptime"
        self.via = str(self._path)

    async def watch(self) -> AsyncGenerator[Uptime | None, None]:
        """Yield whole seconds, now and at each interval."""
        with KernelFile(self._path) as uptime:
            async with aclosing(self.poll(lambda: parse_uptime(uptime.read()))) as readings:
                async for reading in readings:
                    yield reading


def parse_uptime(text: bytes) -> Uptime:
    """Parse the first number as whole seconds. Raises `DeviceUnavailable` if it is not a number."""
    whole = text.partition(b".")[0]
    if not whole.isdigit() or len(whole) > 15:
        raise DeviceUnavailable("uptime does not start with a number")
    return Uptime(up=Seconds(int(whole)))
