"""Desktop with every device: two buses, a player, sound, a battery, Wi-Fi and a panel.

The services are running programs, and the files are those of the captured laptop. The values are
the wire contract's own example: battery full and plugged in, volume 88, backlight 64,
`Bazinga! 5G`.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.buses import PrivateBus
from tests.support.devices import copied
from tests.support.fake_networkmanager import FakeNetworkManager
from tests.support.media import Media
from tests.support.mpv import Mpv
from tests.support.programs import Daemon
from tests.support.sound_servers import Pulse
from tests.support.testbed import SysTestbed
from tests.support.upower import UPowerDaemon, add_battery, add_charger


class FullDesktop(NamedTuple):
    """The services and files of the desktop."""

    session: PrivateBus
    system: PrivateBus
    mpv: Mpv
    pulse: Pulse
    sys: Path
    services: tuple[int, ...]
    """Process ids of the player and of the services for sound, battery and Wi-Fi."""

    def daemon(self) -> Daemon:
        """Return a daemon that can reach all of it."""
        return Daemon(
            buses=[self.session, self.system],
            env={"PULSE_SERVER": self.pulse.address},
            settings={"devices_sys": self.sys},
        )


@asynccontextmanager
async def full_desktop(media: Media, folder: Path) -> AsyncIterator[FullDesktop]:
    """Start all services; `folder` is for the files."""
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
        networks = await stack.enter_async_context(FakeNetworkManager(system))
        adapter = await networks.add_adapter()
        await networks.connect(adapter, await networks.add_network(adapter, "Bazinga! 5G"))
        services = (mpv.pid, pulse.pid, upower.pid, networks.pid)
        yield FullDesktop(session, system, mpv, pulse, sys, services)
