"""Time since boot.

Source: /proc/uptime, proc_uptime(5): seconds since boot, including suspend.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from deskwire.devices.device import Roots, poll
from deskwire.devices.kernel.kernel_file import KernelFile
from deskwire.devices.ticker import Ticker
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.readings import Uptime
from deskwire.model.units import Seconds


class UptimeDevice:
    """Time since the machine booted."""

    absent = "no boot"

    def __init__(self, roots: Roots, ticker: Ticker) -> None:
        self._path = roots.proc / "uptime"
        self._ticker = ticker

    @property
    def via(self) -> str:
        """Path of the file."""
        return str(self._path)

    async def watch(self) -> AsyncGenerator[Uptime | None, None]:
        """Yield whole seconds, now and at each interval."""
        with KernelFile(self._path) as uptime:
            async with aclosing(
                poll(lambda: parse_uptime(uptime.read()), self._ticker)
            ) as readings:
                async for reading in readings:
                    yield reading


def parse_uptime(text: bytes) -> Uptime:
    """Parse the first number as whole seconds. Raises `DeviceUnavailable` if it is not a number."""
    whole = text.partition(b".")[0]
    if not whole.isdigit() or len(whole) > 15:
        raise DeviceUnavailable("uptime does not start with a number")
    return Uptime(up=Seconds(int(whole)))
