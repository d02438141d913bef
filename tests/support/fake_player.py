"""MPRIS player with scripted properties: wrong types, errors, no replies, a sudden end.

It is a real connection on a real bus. Use mpv (`tests/support/mpv.py`) unless a test needs what mpv
never does.
"""

import asyncio
from collections.abc import Callable, Mapping

from dbus_fast import Message, MessageType, Variant

from tests.support.buses import PROPERTIES, FakeService, PrivateBus

ROOT = "org.mpris.MediaPlayer2"
PLAYER = "org.mpris.MediaPlayer2.Player"
PATH = "/org/mpris/MediaPlayer2"

PropertyValue = Variant | str | float | list[str]


def metadata(**fields: PropertyValue) -> Variant:
    """Make `Metadata`: `title="a"` is `xesam:title`, `length=1` and `artUrl="b"` are `mpris:`."""
    entries = {}
    for field, value in fields.items():
        prefix = "mpris" if field in {"length", "artUrl", "trackid"} else "xesam"
        name = field.replace("__", ":") if "__" in field else f"{prefix}:{field}"
        entries[name] = variant(value)
    return Variant("a{sv}", entries)


def variant(value: PropertyValue) -> Variant:
    """Wrap a value in the D-Bus type that MPRIS uses for it; keep a `Variant` as it is."""
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


class FakePlayer(FakeService):
    """Player that records each call; `properties` holds those of both interfaces."""

    def __init__(self, bus: PrivateBus, name: str = "fake", /, **properties: PropertyValue) -> None:
        super().__init__(bus, f"{ROOT}.{name}")
        self.properties: dict[str, Variant] = {
            "Identity": Variant("s", name),
            "PlaybackStatus": Variant("s", "Playing"),
            "Metadata": metadata(title="The Reason"),
            "Position": Variant("x", 0),
            "CanControl": Variant("b", True),
            **{name: variant(value) for name, value in properties.items()},
        }
        self.calls: list[str] = []
        """Player methods that were called."""
        self.reads: list[str] = []
        """Calls to the Properties interface: `GetAll`, `Get Position`."""
        self.silent: set[str] = set()
        """Calls that get no reply; `*` means all of them."""
        self.errors: dict[str, str] = {}
        """Error name for each call that fails; `*` stands for all of them."""
        self.dies_on: set[str] = set()
        """Calls at which the player leaves the bus."""
        self.before_reply: dict[str, Callable[[], object]] = {}
        """Function for each call, run before the reply."""

    def __setitem__(self, name: str, value: PropertyValue) -> None:
        """Change a property without a signal."""
        self.properties[name] = variant(value)

    async def change(self, **properties: PropertyValue) -> None:
        """Change properties and announce them in one signal."""
        for name, value in properties.items():
            self[name] = value
        await self.signal({name: self.properties[name] for name in properties})

    def signal(
        self, changed: Mapping[str, Variant], gone: tuple[str, ...] = (), interface: str = PLAYER
    ) -> "asyncio.Future[None]":
        """Send PropertiesChanged, with true values or others."""
        body = (interface, dict(changed), list(gone))
        return self.emit(PATH, PROPERTIES, "PropertiesChanged", "sa{sv}as", *body)

    def seeked(self, microseconds: int) -> "asyncio.Future[None]":
        """Send Seeked."""
        return self.emit(PATH, PLAYER, "Seeked", "x", microseconds)

    async def take_name(self, name: str = "") -> None:
        """Own the player's name again, or another name too."""
        await self.connection.request_name(name or self.name)

    async def drop_name(self, name: str = "") -> None:
        """Release the name and stay on the bus."""
        await self.connection.release_name(name or self.name)

    def handle(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.member == "Set":
            _, name, value = message.body
            call = f"Set {name} {value.value}"
            self.calls.append(call)
        elif message.interface == PROPERTIES:
            call = " ".join([str(message.member), *message.body[1:]])
            self.reads.append(call)
        else:
            call = " ".join([str(message.member), *map(str, message.body)])
            self.calls.append(call)
        if call in self.before_reply:
            self.before_reply[call]()
        if call in self.dies_on:
            self.connection.disconnect()
            return True
        if call in self.silent or "*" in self.silent:
            return True
        error = self.errors.get(call) or self.errors.get("*")
        if error:
            return Message.new_error(message, error, "scripted error")
        if message.interface == PROPERTIES and message.member != "Set":
            return self._read(message)
        return Message.new_method_return(message)

    def _read(self, message: Message) -> Message:
        interface, *names = message.body
        on_root = interface == ROOT
        found = {
            name: value
            for name, value in self.properties.items()
            if (name == "Identity") == on_root
        }
        if not names:
            return Message.new_method_return(message, "a{sv}", [found])
        if names[0] in found:
            return Message.new_method_return(message, "v", [found[names[0]]])
        unknown = "org.freedesktop.DBus.Error.UnknownProperty"
        return Message.new_error(message, unknown, f"no {names[0]}")
