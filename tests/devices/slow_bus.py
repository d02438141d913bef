"""System bus with one service, on the event loop of the test, with scripted delays.

For deadlines only. The real bus is another process, for which virtual time
(`tests/support/virtual_time.py`) cannot wait. Here both ends share one loop, so a reply that takes
0.08 s takes exactly that on any machine. The bus lets every user in and knows only the calls that
look at a service and start it.

Source: the D-Bus specification, "Authentication Protocol" and "Message Format".
"""

import asyncio
import io
import math
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from dbus_fast import Message, MessageFlag, Variant
from dbus_fast._private.unmarshaller import Unmarshaller

from tests.support.buses import BUS

OWNER = ":1.1"
NEVER = math.inf
HEADER = 16
"""Bytes of a message before its header fields."""


class SlowBus:
    """Bus whose delays are in seconds.

    `auth_delay` is the bus's for a new client, `reply_delay` the service's for each call, and
    `start_delay` the time that the service takes to start; `None` means that it runs already.
    `failures` holds the service's first replies: the name of an error, or "" for no reply.
    """

    def __init__(
        self,
        folder: Path,
        service: str,
        objects: dict[str, dict[str, dict[str, Variant]]],
        *,
        auth_delay: float = 0.0,
        reply_delay: float = 0.0,
        start_delay: float | None = None,
        failures: Iterable[str] = (),
    ) -> None:
        self._path = folder / "bus"
        self.address = f"unix:path={self._path}"
        self.service = service
        self.objects = objects
        self.auth_delay = auth_delay
        self.reply_delay = reply_delay
        self.start_delay = start_delay
        self.failures = list(failures)
        self.service_runs = start_delay is None
        self.start_requests = 0
        self.clients: set[BusClient] = set()

    def has(self, name: str) -> bool:
        """Tell whether a name has an owner."""
        return self.service_runs and name == self.service

    def reply(self, call: Message) -> tuple[float, str, list[Any]]:
        """Return the delay, signature and body of the reply to a call."""
        if call.member == "StartServiceByName":
            return self._start(), "u", [1]
        startable = [] if self.start_delay is None else [self.service]
        interface = call.body[0] if call.member == "GetAll" else ""
        properties = self.objects.get(call.path or "", {}).get(interface, {})
        replies: dict[str | None, tuple[float, str, list[Any]]] = {
            "Hello": (0.0, "s", [":1.7"]),
            "GetNameOwner": (0.0, "s", [OWNER]),
            "ListActivatableNames": (0.0, "as", [startable]),
            "GetManagedObjects": (self.reply_delay, "a{oa{sa{sv}}}", [self.objects]),
            "GetAll": (self.reply_delay, "a{sv}", [properties]),
            "EnumerateDevices": (self.reply_delay, "ao", [[]]),
        }
        return replies.get(call.member, (0.0, "", []))

    def _start(self) -> float:
        assert self.start_delay is not None
        self.start_requests += 1
        if self.start_requests == 1 and math.isfinite(self.start_delay):
            asyncio.get_running_loop().call_later(self.start_delay, self._announce)
        return self.start_delay

    def _announce(self) -> None:
        self.service_runs = True
        body = [self.service, "", OWNER]
        for client in self.clients:
            signal = Message.new_signal(
                "/org/freedesktop/DBus", BUS, "NameOwnerChanged", "sss", body
            )
            signal.sender = BUS
            client.send(signal)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: BusClient(self), self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for client in set(self.clients):
            client.abort()
        await self._server.wait_closed()


class BusClient(asyncio.Protocol):
    """Connected client, from the side of the bus."""

    def __init__(self, bus: SlowBus) -> None:
        self._bus = bus
        self._received = b""
        self._authenticated = False
        self._serial = 0
        self._timers: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._bus.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._bus.clients.discard(self)
        for timer in self._timers:
            timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while not self._authenticated and b"\r\n" in self._received:
            line, _, self._received = self._received.partition(b"\r\n")
            if b"AUTH" in line:
                self._after(self._bus.auth_delay, self._transport.write, b"OK 0123\r\n")
            self._authenticated = line == b"BEGIN"
        if self._authenticated:
            for call in self._messages():
                self._answer(call)

    def _messages(self) -> Iterator[Message]:
        while len(self._received) >= HEADER:
            body, _, fields = struct.unpack("<III", self._received[4:HEADER])
            length = HEADER + (fields + 7) // 8 * 8 + body
            if len(self._received) < length:
                return
            stream: Any = io.BytesIO(self._received[:length])
            message = Unmarshaller(stream).unmarshall()
            self._received = self._received[length:]
            assert message is not None
            yield message

    def _answer(self, call: Message) -> None:
        if MessageFlag.NO_REPLY_EXPECTED in call.flags:
            return
        if call.member == "GetNameOwner" and not self._bus.has(call.body[0]):
            self.send(Message.new_error(call, f"{BUS}.Error.NameHasNoOwner", "no owner"))
            return
        if call.destination != BUS and self._bus.failures:
            if name := self._bus.failures.pop(0):
                self.send(Message.new_error(call, name, "not yet"))
            return
        delay, signature, body = self._bus.reply(call)
        self._after(delay, self.send, Message.new_method_return(call, signature, body))

    def _after(self, seconds: float, do: Any, *arguments: Any) -> None:
        if seconds == 0:
            do(*arguments)
        elif math.isfinite(seconds):
            loop = asyncio.get_running_loop()
            self._timers.append(loop.call_later(seconds, do, *arguments))

    def send(self, message: Message) -> None:
        self._serial += 1
        message.serial = self._serial
        self._transport.write(bytes(message._marshall(False)))

    def abort(self) -> None:
        self._transport.abort()
