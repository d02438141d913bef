"""In the laptop: a desk, and a screen that prints how wifi, battery and backlight change.

One JSON line a change, with what there is of the three: {"at": uptime, "battery": {…}, …}.
"""

import asyncio
import json
import signal
import time
from contextlib import suppress

from tests.support.client import Client, Stats
from tests.support.desk import Desk

SYSTEM_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/dbus/system_bus_socket"}
STARTS_WITHIN = 120.0
SHOWN = ("wifi", "battery", "backlight")


CLEAN = "the desk's log is clean"


async def show(desk: Desk) -> None:
    """Print changes until cancelled."""
    async with Client(desk) as client, client.watch() as screen:
        last: Stats = {}
        seen = 0
        while True:
            frame = await screen.see(lambda frame: frame.event == "stats", within=30, since=seen)
            seen = screen.frames.index(frame, seen) + 1
            shown = {name: frame.stats.get(name) for name in SHOWN}
            if shown != last:
                last = shown
                at = round(time.clock_gettime(time.CLOCK_BOOTTIME), 3)
                print(json.dumps({"at": at, **shown}, ensure_ascii=False), flush=True)


async def main() -> None:
    """Show until told to stop; the desk must then end well, with nothing bad in its log."""
    with Desk(env=SYSTEM_BUS, tls=False, starts_within=STARTS_WITHIN) as desk:
        showing = asyncio.ensure_future(show(desk))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, showing.cancel)
        with suppress(asyncio.CancelledError):
            await showing
    print(CLEAN, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
