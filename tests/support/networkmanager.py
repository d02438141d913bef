"""NetworkManager's double: python-dbusmock's template on a private bus, in a process of its own.

A mock, because the real one needs a kernel with wireless networking and root over the machine's
network; it runs in the emulated laptop. What the template lacks and the real one has is added
here: ActiveAccessPoint, and that leaving a network resets it. It is started with the system's
Python, which has dbusmock.
"""

import os
import signal
import subprocess
from types import TracebackType
from typing import Any, Self

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.support.buses import PrivateBus
from tests.support.stopping import send
from tests.support.waiting import until_async

NAME = "org.freedesktop.NetworkManager"
PATH = "/org/freedesktop/NetworkManager"
DEVICE = f"{NAME}.Device"
WIRELESS = f"{NAME}.Device.Wireless"
ACCESS_POINT = f"{NAME}.AccessPoint"
MOCK = "org.freedesktop.DBus.Mock"
PROPERTIES = "org.freedesktop.DBus.Properties"

UNMANAGED, DISCONNECTED, PREPARING, ACTIVATED = 10, 30, 40, 100
NO_PATH = "/"


class NetworkManager:
    """One NetworkManager without devices; entering waits until it owns its name."""

    def __init__(self, bus: PrivateBus) -> None:
        self._bus = bus
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: MessageBus | None = None
        self._networks = 0

    async def add_cable(self) -> None:
        """Plug a wired adapter in, connected."""
        await self._mock("AddEthernetDevice", "ssi", "eth0", "eth0", ACTIVATED)

    async def add_adapter(self, name: str = "wlan0", *, state: int = DISCONNECTED) -> str:
        """Plug a wireless adapter in; return its object's path."""
        adapter = str(await self._mock("AddWiFiDevice", "ssi", name, name, state))
        await self.call(
            adapter, MOCK, "AddProperty", "ssv", WIRELESS, "ActiveAccessPoint", path(NO_PATH)
        )
        return adapter

    async def add_network(self, adapter: str, ssid: str | bytes) -> str:
        """Let a network come into reach of an adapter; return its access point's path."""
        self._networks += 1
        number = self._networks
        shown = ssid if isinstance(ssid, str) else "?"
        address = f"00:11:22:33:44:{number:02x}"
        found = await self._mock(
            *("AddAccessPoint", "ssssuuuyu", adapter, f"AP{number}", shown, address),
            *(2, 2437, 54, 80, 0x100),
        )
        if isinstance(ssid, bytes):
            await self.set(str(found), ACCESS_POINT, "Ssid", Variant("ay", ssid))
        return str(found)

    async def connect(self, adapter: str, network: str) -> None:
        """Connect, in the order of the real one: the access point first, the state last."""
        await self.set_state(adapter, PREPARING)
        await self.roam(adapter, network)
        await self.set_state(adapter, ACTIVATED)

    async def roam(self, adapter: str, network: str) -> None:
        """Use another access point and stay connected; `/` for none, as when it died."""
        await self.set(adapter, WIRELESS, "ActiveAccessPoint", path(network))

    async def disconnect(self, adapter: str) -> None:
        """Leave the network."""
        await self.roam(adapter, NO_PATH)
        await self.set_state(adapter, DISCONNECTED)

    async def lose(self, adapter: str, network: str) -> None:
        """Let a network go out of reach, still named as the active one."""
        await self._mock("RemoveAccessPoint", "ss", adapter, network)

    async def set_state(self, adapter: str, state: int) -> None:
        """Set the adapter's state (NMDeviceState)."""
        await self.set(adapter, DEVICE, "State", Variant("u", state))

    async def set(self, of: str, interface: str, name: str, value: Variant) -> None:
        """Set a property and tell of it."""
        await self.call(of, PROPERTIES, "Set", "ssv", interface, name, value)

    async def call(self, of: str, interface: str, member: str, signature: str, *body: Any) -> Any:
        """Call a method of an object of this service; return the first value of its answer."""
        assert self._connection is not None
        answer = await self._connection.call(
            Message(
                destination=NAME,
                path=of,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        assert answer is not None
        assert answer.message_type is MessageType.METHOD_RETURN, (member, answer.body)
        return answer.body[0] if answer.body else None

    async def _mock(self, member: str, signature: str, *body: Any) -> Any:
        return await self.call(PATH, MOCK, member, signature, *body)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def hang(self) -> None:
        """Make it answer nothing, while it keeps its name."""
        send(self.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """End it with no good-bye."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)

    async def __aenter__(self) -> Self:
        self._process = subprocess.Popen(
            ["/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "networkmanager"],
            env=self._bus.env({"PATH": os.environ["PATH"]}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._connection = await MessageBus(bus_address=self._bus.address).connect()
        await until_async(lambda: self._bus.has(NAME), what=f"{NAME} is on the bus")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if self._connection is not None:
            self._connection.disconnect()


def path(text: str) -> Variant:
    """Wrap an object path."""
    return Variant("o", text)
