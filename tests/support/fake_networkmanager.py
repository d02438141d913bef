"""Fake NetworkManager: the template of python-dbusmock on a private bus, in its own process.

The real one needs a kernel with wireless networking and control over the machine's network; the
emulated laptop runs it. This module adds two things that the template lacks: ActiveAccessPoint, and
its reset when the adapter disconnects. The system's Python runs it, which has dbusmock.
"""

import os
from typing import Any, Self

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.support.buses import PROPERTIES, PrivateBus
from tests.support.processes import Program, start_silent
from tests.support.waiting import until_async

NAME = "org.freedesktop.NetworkManager"
PATH = "/org/freedesktop/NetworkManager"
DEVICE = f"{NAME}.Device"
WIRELESS = f"{NAME}.Device.Wireless"
ACCESS_POINT = f"{NAME}.AccessPoint"
MOCK = "org.freedesktop.DBus.Mock"

UNMANAGED, DISCONNECTED, PREPARING, ACTIVATED = 10, 30, 40, 100
NO_PATH = "/"


class FakeNetworkManager(Program):
    """NetworkManager without devices; entering waits until it owns its name."""

    def __init__(self, bus: PrivateBus) -> None:
        super().__init__("networkmanager")
        self._bus = bus
        self._connection: MessageBus | None = None
        self._networks = 0

    async def add_cable(self) -> None:
        """Add a wired adapter, connected."""
        await self._mock("AddEthernetDevice", "ssi", "eth0", "eth0", ACTIVATED)

    async def add_adapter(self, name: str = "wlan0", *, state: int = DISCONNECTED) -> str:
        """Add a wireless adapter; return its object path."""
        adapter = str(await self._mock("AddWiFiDevice", "ssi", name, name, state))
        added = ("ActiveAccessPoint", Variant("o", NO_PATH))
        await self.call(adapter, MOCK, "AddProperty", "ssv", WIRELESS, *added)
        return adapter

    async def add_network(self, adapter: str, ssid: str | bytes) -> str:
        """Bring a network into reach of an adapter; return the path of its access point."""
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
        """Connect in the order of the real service: first the access point, last the state."""
        await self.set_state(adapter, PREPARING)
        await self.roam(adapter, network)
        await self.set_state(adapter, ACTIVATED)

    async def roam(self, adapter: str, network: str) -> None:
        """Use another access point and stay connected; `/` stands for none."""
        await self.set(adapter, WIRELESS, "ActiveAccessPoint", Variant("o", network))

    async def disconnect(self, adapter: str) -> None:
        await self.roam(adapter, NO_PATH)
        await self.set_state(adapter, DISCONNECTED)

    async def lose(self, adapter: str, network: str) -> None:
        """Remove a network that stays named as the active one."""
        await self._mock("RemoveAccessPoint", "ss", adapter, network)

    async def set_state(self, adapter: str, state: int) -> None:
        """Set the adapter's NMDeviceState."""
        await self.set(adapter, DEVICE, "State", Variant("u", state))

    async def set(self, path: str, interface: str, name: str, value: Variant) -> None:
        """Set a property and announce it."""
        await self.call(path, PROPERTIES, "Set", "ssv", interface, name, value)

    async def call(self, path: str, interface: str, member: str, signature: str, *body: Any) -> Any:
        """Call a method of an object of this service; return the first value of the reply."""
        assert self._connection is not None
        reply = await self._connection.call(
            Message(
                destination=NAME,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN, (member, reply.body)
        return reply.body[0] if reply.body else None

    async def _mock(self, member: str, signature: str, *body: Any) -> Any:
        return await self.call(PATH, MOCK, member, signature, *body)

    def start(self) -> None:
        command = ["/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "networkmanager"]
        self.process = start_silent(command, self._bus.env({"PATH": os.environ["PATH"]}))

    async def __aenter__(self) -> Self:
        self.start()
        self._connection = await MessageBus(bus_address=self._bus.address).connect()
        await until_async(lambda: self._bus.has(NAME), what=f"{NAME} is on the bus")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
        if self._connection is not None:
            self._connection.disconnect()
        self.__exit__()
