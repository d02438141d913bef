"""Radios of the emulated laptop: its own, wlan1, and those of two access points.

The radios are the kernel's mac80211_hwsim and the access points hostapds with WPA2. Real programs
connect wlan1 to them: NetworkManager, iwd, or wpa_supplicant alone.

Source: mac80211_hwsim.rst; hostapd.conf, NetworkManager.conf(5), nm-settings-keyfile(5),
iwd.config(5), wpa_supplicant.conf(5).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from tests.support.waiting import until
from tests.system.laptop.machine import Laptop, Running, quoted

OWN = "wlan1"
PASSPHRASE = "password1"
MODULE = "mac80211_hwsim"

HOSTAPD = """\
interface={interface}
driver=nl80211
ssid2="{ssid}"
utf8_ssid=1
hw_mode=g
channel={channel}
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase={passphrase}
"""
NETWORKMANAGER = """\
[main]
plugins=keyfile
dns=none
rc-manager=unmanaged
auth-polkit=false
no-auto-default=*
[keyfile]
unmanaged-devices=interface-name:wlan0;interface-name:wlan2
[device]
wifi.scan-rand-mac-address=no
"""
PROFILE = """\
[connection]
id={name}
type=wifi
interface-name={interface}
autoconnect=false
[wifi]
ssid={ssid}
[wifi-security]
key-mgmt=wpa-psk
psk={passphrase}
[ipv4]
method=manual
address1=10.8.0.2/24
[ipv6]
method=disabled
"""
SUPPLICANT = """\
ctrl_interface=/run/wpa_supplicant
network={{
    ssid="{ssid}"
    psk="{passphrase}"
}}
"""


@contextmanager
def radios(laptop: Laptop) -> Iterator[None]:
    """Provide the three radios."""
    laptop.run(f"modprobe {MODULE} radios=3 && udevadm settle -t 20", within=60)
    try:
        yield
    finally:
        laptop.run(f"modprobe -r {MODULE}", within=60)


def access_point(laptop: Laptop, interface: str, ssid: str, channel: int) -> Running:
    """Start an access point and wait until it is on the air; enter the result."""
    name = f"hostapd-{interface}"
    settings = HOSTAPD.format(
        interface=interface, ssid=ssid, channel=channel, passphrase=PASSPHRASE
    )
    laptop.write(f"/run/{name}.conf", settings)
    running = laptop.start(name, f"hostapd /run/{name}.conf")
    until(lambda: "AP-ENABLED" in running.log, within=30, what=f"{ssid} is on the air")
    return running


def supplicant(laptop: Laptop, ssid: str) -> Running:
    """Connect with wpa_supplicant alone; enter the result."""
    settings = SUPPLICANT.format(ssid=ssid, passphrase=PASSPHRASE)
    laptop.write("/run/supplicant.conf", settings)
    return laptop.start("supplicant", f"wpa_supplicant -i {OWN} -c /run/supplicant.conf")


class Iwd:
    """The real iwd, on wlan1 only."""

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop
        self._iwd = laptop.start("iwd", f"/usr/libexec/iwd -i {OWN}")

    def connect(self, ssid: str) -> None:
        """Connect to a network once a scan has found it."""
        station = ("iwctl", "--passphrase", PASSPHRASE, "station", OWN)
        connect = quoted(*station, "connect", ssid)
        scan = quoted(*station, "scan")
        until(
            lambda: self._laptop.attempt(f"{scan}; {connect}", within=40)[0] == 0,
            within=60,
            what=f"iwd connects to {ssid}",
        )

    def disconnect(self) -> None:
        self._laptop.run(quoted("iwctl", "station", OWN, "disconnect"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, problem: object, trace: object) -> None:
        self._iwd.__exit__(kind, problem, trace)


class NetworkManager:
    """The real NetworkManager with its wpa_supplicant; each profile has its network's name."""

    def __init__(self, laptop: Laptop, *networks: str) -> None:
        self._laptop = laptop
        self._running = ExitStack()
        laptop.run("mkdir -p /run/NetworkManager /var/lib/NetworkManager")
        laptop.write("/etc/NetworkManager/NetworkManager.conf", NETWORKMANAGER)
        for number, ssid in enumerate(networks):
            laptop.write(
                f"/etc/NetworkManager/system-connections/{number}.nmconnection",
                PROFILE.format(name=ssid, interface=OWN, ssid=ssid, passphrase=PASSPHRASE),
            )
        self._running.enter_context(
            laptop.start("wpa_supplicant", "wpa_supplicant -u -s -O /run/wpa_supplicant")
        )
        self._manager = self.start()

    def start(self) -> Running:
        """Start the service; also after `kill()`."""
        self._manager = self._running.enter_context(
            self._laptop.start("networkmanager", "NetworkManager --no-daemon")
        )
        return self._manager

    def kill(self) -> None:
        """Kill the service, but not its wpa_supplicant."""
        self._manager.stop("KILL")

    def connect(self, ssid: str) -> None:
        """Connect to a network once a scan has found it."""
        up = quoted("nmcli", "--wait", "30", "connection", "up", "id", ssid)
        until(
            lambda: self._laptop.attempt(up, within=40)[0] == 0,
            within=60,
            what=f"NetworkManager connects to {ssid}",
        )

    def disconnect(self) -> None:
        self._laptop.run(quoted("nmcli", "device", "disconnect", OWN))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.__exit__(kind, problem, trace)
