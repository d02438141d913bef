"""Fake iwd on a private bus: the part of its D-Bus interface that reports a connection.

The real iwd ends at once on a kernel without wireless networking; the emulated laptop runs it. The
fake behaves as iwd 2.3 was seen to: `ConnectedNetwork` appears before the connection is complete
and leaves by invalidation; a powered-off station loses its interface.
"""

import asyncio

from dbus_fast import Message, Variant

from tests.support.buses import PROPERTIES, FakeService, PrivateBus

NAME = "net.connman.iwd"
DEVICE = f"{NAME}.Device"
STATION = f"{NAME}.Station"
NETWORK = f"{NAME}.Network"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
ADAPTER = "/net/connman/iwd/0/4"


class FakeIwd(FakeService):
    """One adapter in station mode, disconnected."""

    def __init__(self, bus: PrivateBus, adapter: str = "wlan0") -> None:
        super().__init__(bus, NAME)
        self.reads = 0
        """Number of GetManagedObjects calls."""
        self.answers = asyncio.Event()
        """Cleared: calls wait for their reply."""
        self.answers.set()
        self.connects_after_reply = ""
        """Network to connect to directly after the next reply."""
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
        """Bring a network into reach; return its object path."""
        path = f"{ADAPTER}/{ssid.encode().hex()}_psk"
        added = {NETWORK: {"Name": Variant("s", ssid), "Connected": Variant("b", False)}}
        self.objects[path] = added
        self.emit("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, added)
        return path

    def connect(self, network: str) -> None:
        """Connect; the network is named before the connection is complete."""
        self.set("State", "connecting")
        self._change({"ConnectedNetwork": Variant("o", network)})
        self.set("State", "connected")

    def disconnect(self) -> None:
        self.set("State", "disconnecting")
        self._change({}, ["ConnectedNetwork"])
        self.set("State", "disconnected")

    def power_off(self) -> None:
        """Power the adapter off: its station disappears."""
        del self.objects[ADAPTER][STATION]
        self.emit("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", ADAPTER, [STATION])

    def set(self, name: str, value: str) -> None:
        """Set a string property of the station."""
        self._change({name: Variant("s", value)})

    def scan(self) -> None:
        """Announce a property that does not concern the connection."""
        self._change({"Scanning": Variant("b", True)})

    def _change(self, changed: dict[str, Variant], invalidated: list[str] | None = None) -> None:
        station = self.objects[ADAPTER][STATION]
        station.update(changed)
        for name in invalidated or []:
            station.pop(name)
        body = (STATION, changed, invalidated or [])
        self.emit(ADAPTER, PROPERTIES, "PropertiesChanged", "sa{sv}as", *body)

    def handle(self, message: Message) -> Message | bool | None:
        if message.member == "GetManagedObjects" and message.path == "/":
            self.reads += 1
            self._replying = asyncio.create_task(self._reply(message))
            return True
        return None

    async def _reply(self, message: Message) -> None:
        await self.answers.wait()
        reply = Message.new_method_return(message, "a{oa{sa{sv}}}", [self.objects])
        self.connection.send(reply)
        network, self.connects_after_reply = self.connects_after_reply, ""
        if network:
            self.connect(network)
