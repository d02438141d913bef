"""A desk that has everything: two buses, a player, sound, a battery, wifi, a panel.

Where a service tells of a thing, the service is there; where a file does, it is the captured
laptop's. It stands as in the wire contract's own example: battery full and plugged in, volume 88,
backlight 64, `Bazinga! 5G`.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.buses import PrivateBus
from tests.support.captured import copied
from tests.support.desk import Desk
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.networkmanager import NetworkManager
from tests.support.pulse import Pulse
from tests.support.testbed import SysTestbed
from tests.support.upower import UPowerDaemon, add_battery, add_charger


class Everything(NamedTuple):
    """What is there, and what a daemon needs to reach it."""

    session: PrivateBus
    system: PrivateBus
    mpv: Mpv
    pulse: Pulse
    sys: Path
    services: tuple[int, ...]
    """Process ids of the player and of what tells of sound, battery and wifi."""

    def desk(self) -> Desk:
        """Return a desk that can reach all of it."""
        return Desk(
            buses=[self.session, self.system],
            env={"PULSE_SERVER": self.pulse.address},
            settings={"devices_sys": self.sys},
        )


@asynccontextmanager
async def everything(media: Media, folder: Path) -> AsyncIterator[Everything]:
    """Start it all; `folder` is for the files."""
    sys = copied("laptop", folder).sys
    for interface in Path("/sys/class/net").iterdir():
        (sys / "class/net" / interface.name / "device").mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        session = stack.enter_context(PrivateBus())
        system = stack.enter_context(PrivateBus(system=True))
        mpv = stack.enter_context(Mpv(session, [media.first.file]))
        pulse = stack.enter_context(Pulse())
        pulse.pactl("set-sink-volume", "speakers", "88%")
        testbed = stack.enter_context(SysTestbed())
        add_charger(testbed, online=True)
        add_battery(testbed, percent=100)
        upower = stack.enter_context(UPowerDaemon(system, testbed))
        networks = await stack.enter_async_context(NetworkManager(system))
        adapter = await networks.add_adapter()
        await networks.connect(adapter, await networks.add_network(adapter, "Bazinga! 5G"))
        services = (mpv.pid, pulse.pid, upower.pid, networks.pid)
        yield Everything(session, system, mpv, pulse, sys, services)
