"""A system bus and a service on it, in the test's own event loop; each takes as long as told.

A double, for deadlines alone: the real bus is another process, which a loop whose time is warped
(tests/support/virtual_time.py) cannot wait for. Here both ends are on the one loop, so an answer
that takes 0.08 s takes just that on any machine. It lets everybody in, and knows the calls that
are made to look at a service and to start it.

Source: the D-Bus specification, "Authentication Protocol" and "Message Format".
"""

import asyncio
import io
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from dbus_fast import Message, MessageFlag, MessageType, Variant
from dbus_fast._private.unmarshaller import Unmarshaller

BUS = "org.freedesktop.DBus"
OWNER = ":1.1"
NEVER = math.inf
HEAD = 16
"""Bytes of a message up to its header fields."""


class SlowBus:
    """One bus; entering opens it."""

    def __init__(
        self,
        folder: Path,
        service: str,
        objects: dict[str, dict[str, dict[str, Variant]]],
        *,
        lets_in_after: float = 0.0,
        answers_after: float = 0.0,
        starts_after: float | None = None,
    ) -> None:
        """Seconds: the bus's to let a client in, the service's to answer, and to be started.

        `starts_after=None`: the service is there.
        """
        self._path = folder / "bus"
        self.address = f"unix:path={self._path}"
        self.service = service
        self.objects = objects
        self.lets_in_after = lets_in_after
        self.answers_after = answers_after
        self.starts_after = starts_after
        self.is_there = starts_after is None
        self.started = 0
        """How often it was asked to start the service."""
        self.clients: set[Client] = set()

    def has(self, name: str) -> bool:
        """Whether a name has an owner."""
        return self.is_there and name == self.service

    def answer(self, asked: Message) -> tuple[float, str, list[Any]]:
        """Return after how long a call is answered, and what."""
        if asked.member == "StartServiceByName":
            return self._start(), "u", [1]
        startable = [] if self.starts_after is None else [self.service]
        interface = asked.body[0] if asked.member == "GetAll" else ""
        properties = self.objects.get(asked.path or "", {}).get(interface, {})
        answers: dict[str | None, tuple[float, str, list[Any]]] = {
            "Hello": (0.0, "s", [":1.7"]),
            "GetNameOwner": (0.0, "s", [OWNER]),
            "ListActivatableNames": (0.0, "as", [startable]),
            "GetManagedObjects": (self.answers_after, "a{oa{sa{sv}}}", [self.objects]),
            "GetAll": (self.answers_after, "a{sv}", [properties]),
            "EnumerateDevices": (self.answers_after, "ao", [[]]),
        }
        return answers.get(asked.member, (0.0, "", []))

    def _start(self) -> float:
        assert self.starts_after is not None
        self.started += 1
        if self.started == 1 and math.isfinite(self.starts_after):
            asyncio.get_running_loop().call_later(self.starts_after, self._be_there)
        return self.starts_after

    def _be_there(self) -> None:
        self.is_there = True
        for client in self.clients:
            client.send(
                Message(
                    message_type=MessageType.SIGNAL,
                    sender=BUS,
                    path="/org/freedesktop/DBus",
                    interface=BUS,
                    member="NameOwnerChanged",
                    signature="sss",
                    body=[self.service, "", OWNER],
                )
            )

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: Client(self), self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for client in set(self.clients):
            client.leave()
        await self._server.wait_closed()


class Client(asyncio.Protocol):
    """Who is connected, seen from the bus."""

    def __init__(self, bus: SlowBus) -> None:
        self._bus = bus
        self._received = b""
        self._is_in = False
        self._serial = 0
        self._due: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._bus.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._bus.clients.discard(self)
        for due in self._due:
            due.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while not self._is_in and b"\r\n" in self._received:
            line, _, self._received = self._received.partition(b"\r\n")
            if b"AUTH" in line:
                self._after(self._bus.lets_in_after, self._transport.write, b"OK 0123\r\n")
            self._is_in = line == b"BEGIN"
        if self._is_in:
            for asked in self._messages():
                self._hear(asked)

    def _messages(self) -> Iterator[Message]:
        while len(self._received) >= HEAD:
            body, _, fields = struct.unpack("<III", self._received[4:HEAD])
            length = HEAD + (fields + 7) // 8 * 8 + body
            if len(self._received) < length:
                return
            stream: Any = io.BytesIO(self._received[:length])  # any stream will do
            message = Unmarshaller(stream).unmarshall()
            self._received = self._received[length:]
            assert message is not None
            yield message

    def _hear(self, asked: Message) -> None:
        if MessageFlag.NO_REPLY_EXPECTED in asked.flags:
            return
        if asked.member == "GetNameOwner" and not self._bus.has(asked.body[0]):
            self.send(Message.new_error(asked, f"{BUS}.Error.NameHasNoOwner", "nobody"))
            return
        after, signature, body = self._bus.answer(asked)
        self._after(after, self.send, Message.new_method_return(asked, signature, body))

    def _after(self, seconds: float, do: Any, *of: Any) -> None:
        if seconds == 0:
            do(*of)
        elif math.isfinite(seconds):
            self._due.append(asyncio.get_running_loop().call_later(seconds, do, *of))

    def send(self, message: Message) -> None:
        """Send it, numbered."""
        self._serial += 1
        message.serial = self._serial
        self._transport.write(bytes(message._marshall(False)))

    def leave(self) -> None:
        """End the connection."""
        self._transport.abort()
