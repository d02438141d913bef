"""A player that says what no real one does: any types, nothing at all, errors, a sudden end.

It is real on the bus and answers for itself, message by message; only its music is made up. Take a
real player where one will do (`tests/support/mpv.py`).
"""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.support.buses import PrivateBus

ROOT = "org.mpris.MediaPlayer2"
PLAYER = "org.mpris.MediaPlayer2.Player"
PATH = "/org/mpris/MediaPlayer2"
PROPERTIES = "org.freedesktop.DBus.Properties"

PropertyValue = Variant | str | float | list[str]


def metadata(**fields: PropertyValue) -> Variant:
    """Make `Metadata`: `title="a"` is `xesam:title`, `length=1` and `artUrl="b"` are `mpris:`.

    A `Variant` is sent as it is, whatever its type.
    """
    properties = {}
    for field, value in fields.items():
        prefix = "mpris" if field in {"length", "artUrl", "trackid"} else "xesam"
        name = field.replace("__", ":") if "__" in field else f"{prefix}:{field}"
        properties[name] = variant(value)
    return Variant("a{sv}", properties)


def variant(value: PropertyValue) -> Variant:
    """Wrap a value in the type that MPRIS has for its kind."""
    match value:
        case Variant():
            return value
        case bool():
            return Variant("b", value)
        case int():
            return Variant("x", value)
        case float():
            return Variant("d", value)
        case str():
            return Variant("s", value)
        case list():
            return Variant("as", value)


class FakePlayer:
    """One connection with a player's name; entering puts it on the bus.

    `properties` holds the properties of both interfaces by name, `obeyed` the received commands.
    Members in `silent` are never answered, those in `errors` with this error.
    """

    def __init__(self, bus: PrivateBus, name: str = "fake", /, **properties: PropertyValue) -> None:
        self.name = f"{ROOT}.{name}"
        self.properties: dict[str, Variant] = {
            "Identity": Variant("s", name),
            "PlaybackStatus": Variant("s", "Playing"),
            "Metadata": metadata(title="The Reason"),
            "Position": Variant("x", 0),
            "CanControl": Variant("b", True),
            **{name: variant(value) for name, value in properties.items()},
        }
        self.obeyed: list[str] = []
        self.asked: list[str] = []
        """Members of Properties it was asked, with the property of a Get: `Get Position`."""
        self.silent: set[str] = set()
        self.errors: dict[str, str] = {}
        self.dies_on: set[str] = set()
        self.when: dict[str, Callable[[], object]] = {}
        """What it does, by member, when it was asked and before it answers."""
        self._bus = bus
        self._connection: MessageBus | None = None

    @property
    def connection(self) -> MessageBus:
        """Its connection."""
        assert self._connection is not None
        return self._connection

    def __setitem__(self, name: str, value: PropertyValue) -> None:
        """Change a property and tell nobody."""
        self.properties[name] = variant(value)

    async def change(self, **properties: PropertyValue) -> None:
        """Change properties and signal them, all in one."""
        for name, value in properties.items():
            self[name] = value
        await self.signal({name: self.properties[name] for name in properties})

    def signal(
        self, changed: Mapping[str, Variant], gone: tuple[str, ...] = (), interface: str = PLAYER
    ) -> "asyncio.Future[None]":
        """Send a PropertiesChanged, true or not."""
        return self.emit(
            PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, dict(changed), list(gone)]
        )

    def seeked(self, microseconds: int) -> "asyncio.Future[None]":
        """Send a Seeked."""
        return self.emit(PLAYER, "Seeked", "x", [microseconds])

    def emit(
        self, interface: str, member: str, signature: str, body: list[Any]
    ) -> "asyncio.Future[None]":
        """Send any signal from the player's path."""
        return self.connection.send(
            Message.new_signal(PATH, interface, member, signature=signature, body=body)
        )

    async def take_name(self, name: str = "") -> None:
        """Take its name, or a further one."""
        await self.connection.request_name(name or self.name)

    async def drop_name(self, name: str = "") -> None:
        """Give its name back and stay on the bus."""
        await self.connection.release_name(name or self.name)

    async def leave(self) -> None:
        """Leave the bus."""
        if self.connection.connected:
            self.connection.disconnect()
            await self.connection.wait_for_disconnect()  # type: ignore[no-untyped-call]

    def _answer(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.interface == PROPERTIES:
            what = " ".join([str(message.member), *message.body[1:]])
            self.asked.append(what)
        else:
            what = str(message.member)
            self.obeyed.append(what)
        if what in self.when:
            self.when[what]()
        if what in self.dies_on:
            self.connection.disconnect()
            return True
        if what in self.silent or "*" in self.silent:
            return True
        if what in self.errors:
            return Message.new_error(message, self.errors[what], "it will not")
        if message.interface == PROPERTIES:
            return self._tell(message)
        return Message.new_method_return(message)

    def _tell(self, message: Message) -> Message:
        interface, *name = message.body
        mine = {"Identity"}
        properties = {
            name: value
            for name, value in self.properties.items()
            if (name in mine) == (interface == ROOT)
        }
        if not name:
            return Message.new_method_return(message, "a{sv}", [properties])
        if name[0] in properties:
            return Message.new_method_return(message, "v", [properties[name[0]]])
        return Message.new_error(
            message, "org.freedesktop.DBus.Error.UnknownProperty", f"no {name[0]}"
        )

    async def __aenter__(self) -> Self:
        self._connection = await MessageBus(bus_address=self._bus.address).connect()
        self._connection.add_message_handler(self._answer)
        await self.take_name()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.leave()
