"""Private D-Bus daemons, and connections to them that answer for a service.

The bus daemon is the real one. It lets every user in, and starts a service by name only if it has
a service folder. Its address holds no GUID, so it stays the same over `kill()` and `restart()`.
"""

import asyncio
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dbus_fast import Message
from dbus_fast.aio import MessageBus

from tests.support.processes import Program
from tests.support.waiting import until

BUS = "org.freedesktop.DBus"
PROPERTIES = "org.freedesktop.DBus.Properties"
CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{kind}</type>
  <keep_umask/>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  {services}
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""


class PrivateBus(Program):
    """A session bus or, with `system=True`, a system bus."""

    def __init__(self, system: bool = False, services: Path | None = None) -> None:
        super().__init__("bus")
        self.folder.chmod(0o755)  # a player that refuses root runs as another user
        self.system = system
        self.services = services
        """Folder of service files."""
        self.address = ""

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return `base`, or the environment of this process, with the address of this bus."""
        name = "DBUS_SYSTEM_BUS_ADDRESS" if self.system else "DBUS_SESSION_BUS_ADDRESS"
        return {**(os.environ if base is None else base), name: self.address}

    def start(self) -> None:
        configuration = self.folder / "bus.conf"
        configuration.write_text(
            CONFIGURATION.format(
                kind="system" if self.system else "session",
                socket=self.folder / "bus",
                services=f"<servicedir>{self.services}</servicedir>" if self.services else "",
            )
        )
        self.process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        printed = self.process.stdout.readline().decode().strip()
        self.process.stdout.close()
        assert printed, "dbus-daemon ended without printing its address"
        self.address = re.sub(r",guid=[0-9a-f]+", "", printed)

    def restart(self) -> None:
        self.kill()
        self.start()

    def call(self, name: str, path: str, method: str, *arguments: str) -> str:
        """Call a method that takes strings; return the literal reply, or `""` after an error."""
        reply = subprocess.run(
            [
                *("dbus-send", f"--bus={self.address}", f"--dest={name}", "--print-reply=literal"),
                *(path, method),
                *(f"string:{argument}" for argument in arguments),
            ],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
        return reply.stdout.strip()

    def call_bus(self, member: str, *arguments: str) -> str:
        """Call a method of the bus itself."""
        return self.call(BUS, "/org/freedesktop/DBus", f"{BUS}.{member}", *arguments)

    def names(self) -> frozenset[str]:
        """Return the well-known names that have an owner."""
        found = re.findall(r"[\w.:-]+", self.call_bus("ListNames"))
        return frozenset(name for name in found if "." in name and not name.startswith(":"))

    def has(self, name: str) -> bool:
        """Tell whether a name has an owner."""
        return self.call_bus("NameHasOwner", name) == "boolean true"

    def pid_of(self, name: str) -> int | None:
        """Return the process id of the owner of a name."""
        found = re.fullmatch(r"uint32 (\d+)", self.call_bus("GetConnectionUnixProcessID", name))
        return int(found[1]) if found else None

    def wait_for(self, name: str, *, within: float = 5.0) -> None:
        """Wait until a name has an owner."""
        until(lambda: self.has(name), within=within, what=f"{name} is on the bus")


class FakeService:
    """A connection that owns a name; a subclass answers the calls in `handle()`."""

    def __init__(self, bus: PrivateBus, name: str) -> None:
        self.name = name
        self._bus = bus
        self._connection: MessageBus | None = None

    @property
    def connection(self) -> MessageBus:
        assert self._connection is not None
        return self._connection

    def handle(self, message: Message) -> Message | bool | None:
        """Return the reply to a message, `True` for no reply, or `None` for the default one."""
        raise NotImplementedError

    def emit(
        self, path: str, interface: str, member: str, signature: str, *body: Any
    ) -> "asyncio.Future[None]":
        """Send a signal."""
        message = Message.new_signal(path, interface, member, signature, list(body))
        return self.connection.send(message)

    async def leave(self) -> None:
        """Leave the bus."""
        if self.connection.connected:
            self.connection.disconnect()
            await self.connection.wait_for_disconnect()  # type: ignore[no-untyped-call]

    async def __aenter__(self) -> Self:
        self._connection = await MessageBus(bus_address=self._bus.address).connect()
        self._connection.add_message_handler(self.handle)
        await self._connection.request_name(self.name)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()
