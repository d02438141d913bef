"""Fake logind: the template of python-dbusmock on a private bus, in its own process.

No job is ever run: a method of the manager writes its name and its argument into a file. Methods
that the template lacks are added by `define()`. The system's Python runs it, which has dbusmock.
"""

import json
import os
from typing import Any, Self

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.support.buses import PROPERTIES, PrivateBus
from tests.support.processes import Program, start_silent
from tests.support.waiting import until_async

NAME = "org.freedesktop.login1"
PATH = "/org/freedesktop/login1"
MANAGER = f"{NAME}.Manager"
SESSION = f"{NAME}.Session"
MOCK = "org.freedesktop.DBus.Mock"


class FakeLogind(Program):
    """logind without sessions; entering waits until it owns its name."""

    def __init__(self, bus: PrivateBus) -> None:
        super().__init__("logind")
        self._bus = bus
        self._connection: MessageBus | None = None
        self._calls = self.folder / "calls"
        self._calls.touch()

    async def add_session(self, identity: str = "auto") -> str:
        """Add a session of the own user; return its object path.

        logind finds the session of a user unit under the path of `auto`.
        """
        arguments = (identity, "seat0", os.getuid(), "ann", True)
        return str(await self.call(PATH, MOCK, "AddSession", "ssusb", *arguments))

    async def define(
        self, path: str, interface: str, member: str, takes: str, *, gives: str = "", code: str = ""
    ) -> None:
        """Define a method: record the call, then run `code`, which may set `ret` or raise."""
        record = f"import json; calls = open({str(self._calls)!r}, 'a')"
        write = f"calls.write(json.dumps([{member!r}, *args]) + '\\n'); calls.close()"
        body = f"{record}; {write}\n{code}"
        await self.call(path, MOCK, "AddMethod", "sssss", interface, member, takes, gives, body)

    async def refuse(
        self, path: str, interface: str, member: str, takes: str, *, error: str, text: str = "no"
    ) -> None:
        """Let a method answer with a D-Bus error."""
        code = f"raise dbus.exceptions.DBusException({text!r}, name={error!r})"
        await self.define(path, interface, member, takes, code=code)

    def calls(self, member: str) -> list[tuple[Any, ...]]:
        """Return the arguments of all calls of a method that `define()` defined."""
        lines = map(json.loads, self._calls.read_text().splitlines())
        return [tuple(arguments) for name, *arguments in lines if name == member]

    async def set(self, path: str, interface: str, name: str, value: Variant) -> None:
        """Set a property and signal the change."""
        await self.call(path, PROPERTIES, "Set", "ssv", interface, name, value)

    async def set_hint(self, session: str, name: str, value: bool) -> None:
        """Set a hint of a session and signal the change."""
        await self.set(session, SESSION, name, Variant("b", value))

    async def call(
        self, path: str, interface: str, member: str, signature: str, *arguments: Any
    ) -> Any:
        """Call a method; return its first value."""
        assert self._connection is not None
        reply = await self._connection.call(
            Message(
                destination=NAME,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(arguments),
            )
        )
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN, (member, reply.body)
        return reply.body[0] if reply.body else None

    def start(self) -> None:
        command = ["/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "logind"]
        self.process = start_silent(command, self._bus.env({"PATH": os.environ["PATH"]}))

    async def __aenter__(self) -> Self:
        self.start()
        self._connection = await MessageBus(bus_address=self._bus.address).connect()
        await until_async(lambda: self._bus.has(NAME), what=f"{NAME} is on the bus")
        await self.refuse(PATH, MANAGER, "GetUser", "u", error=f"{NAME}.NoSuchUser")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
        await self.disconnect()
        self.__exit__()

    async def disconnect(self) -> None:
        """Close the connection of the test, which must not see the bus end."""
        if self._connection is not None and self._connection.connected:
            self._connection.disconnect()
            await self._connection.wait_for_disconnect()  # type: ignore[no-untyped-call]
