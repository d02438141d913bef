"""In the laptop: prints what a device comes to be read from, `via.py wifi "iwd on the system bus"`.

It watches until that is so, for on this machine a service's first answer may take longer than a
first reading may, or for fifteen seconds.
"""

import asyncio
import sys
from contextlib import aclosing, suppress

from deskwire.devices.battery import BatteryDevice
from deskwire.devices.dbus.buses import Buses
from deskwire.devices.wifi import WifiDevice
from tests.support.resources import resources
from tests.support.waiting import until_async

SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"
WITHIN = 15.0

DEVICES: dict[str, type[WifiDevice | BatteryDevice]] = {
    "wifi": WifiDevice,
    "battery": BatteryDevice,
}


async def main(name: str, wanted: str) -> None:
    """Watch one device and print its `via`."""
    source = DEVICES[name](resources(buses=Buses(session=None, system=SYSTEM_BUS)))

    async def watch() -> None:
        async with aclosing(source.watch()) as readings:
            async for _ in readings:
                pass

    watching = asyncio.ensure_future(watch())
    with suppress(AssertionError):
        await until_async(lambda: source.via == wanted, within=WITHIN)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    print(source.via)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
