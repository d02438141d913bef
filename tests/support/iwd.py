"""iwd's double: the part of its D-Bus interface that tells of a connection, on a private bus.

A double, because the real iwd ends at once on a kernel without wireless networking; it runs in the
emulated laptop. It does what was seen of iwd 2.3: `ConnectedNetwork` appears while still
connecting and goes by invalidation, with no value; a station that is switched off is an
interface that is removed.
"""

import asyncio
from types import TracebackType
from typing import Any, Self

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.support.buses import PrivateBus

NAME = "net.connman.iwd"
DEVICE = f"{NAME}.Device"
STATION = f"{NAME}.Station"
NETWORK = f"{NAME}.Network"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"

ADAPTER = "/net/connman/iwd/0/4"


class Iwd:
    """One iwd with one adapter in station mode, disconnected."""

    def __init__(self, bus: PrivateBus, adapter: str = "wlan0") -> None:
        self._bus = bus
        self._connection: MessageBus | None = None
        self.asked = 0
        """How often all objects were asked for."""
        self.answers = asyncio.Event()
        """Whether it answers; while it is cleared it keeps everybody waiting."""
        self.answers.set()
        self.connects_when_asked = ""
        """A network to connect to in the very moment after the next answer."""
        self.objects: dict[str, dict[str, dict[str, Variant]]] = {
            ADAPTER: {
                DEVICE: {
                    "Name": Variant("s", adapter),
                    "Mode": Variant("s", "station"),
                    "Powered": Variant("b", True),
                },
                STATION: {"State": Variant("s", "disconnected"), "Scanning": Variant("b", False)},
            }
        }

    def add_network(self, ssid: str) -> str:
        """Let a network come into reach; return its object's path."""
        path = f"{ADAPTER}/{ssid.encode().hex()}_psk"
        properties = {"Name": Variant("s", ssid), "Connected": Variant("b", False)}
        self.objects[path] = {NETWORK: properties}
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, self.objects[path])
        return path

    def connect(self, network: str) -> None:
        """Connect; the network is named before the connection stands."""
        self.set("State", "connecting")
        self._change({"ConnectedNetwork": Variant("o", network)})
        self.set("State", "connected")

    def disconnect(self) -> None:
        """Leave the network."""
        self.set("State", "disconnecting")
        self._change({}, ["ConnectedNetwork"])
        self.set("State", "disconnected")

    def switch_off(self) -> None:
        """Power the device down: it has no station any more."""
        del self.objects[ADAPTER][STATION]
        self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", ADAPTER, [STATION])

    def set(self, name: str, value: str) -> None:
        """Set a text of the station."""
        self._change({name: Variant("s", value)})

    def scan(self) -> None:
        """Say what has nothing to do with the connection."""
        self._change({"Scanning": Variant("b", True)})

    def _change(self, changed: dict[str, Variant], invalidated: list[str] | None = None) -> None:
        station = self.objects[ADAPTER][STATION]
        station.update(changed)
        for name in invalidated or []:
            station.pop(name)
        self._signal(
            ADAPTER,
            PROPERTIES,
            "PropertiesChanged",
            "sa{sv}as",
            *(STATION, changed, invalidated or []),
        )

    def _signal(self, path: str, interface: str, member: str, signature: str, *body: Any) -> None:
        assert self._connection is not None
        self._connection.send(
            Message(
                message_type=MessageType.SIGNAL,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )

    def _receive(self, message: Message) -> bool | None:
        if message.member == "GetManagedObjects" and message.path == "/":
            self.asked += 1
            self._answering = asyncio.create_task(self._answer(message))
            return True
        return None

    async def _answer(self, message: Message) -> None:
        await self.answers.wait()
        assert self._connection is not None
        self._connection.send(Message.new_method_return(message, "a{oa{sa{sv}}}", [self.objects]))
        network, self.connects_when_asked = self.connects_when_asked, ""
        if network:
            self.connect(network)

    async def __aenter__(self) -> Self:
        self._connection = await MessageBus(bus_address=self._bus.address).connect()
        self._connection.add_message_handler(self._receive)
        await self._connection.request_name(NAME)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._connection is not None
        self._connection.disconnect()
