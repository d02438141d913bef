"""Connection to a D-Bus bus: method calls, signals and the end of the connection.

Every call has a timeout, because D-Bus has none and a player may hang. Signals reach their callback
at once. When the connection ends, every holder is notified. Nothing waits for a bus to come back: a
watch that loses its bus raises `BusLost`, and the supervisor starts it again.

Source: the D-Bus specification; the low-level interface of dbus-fast, which needs no introspection,
so a service with a bad description cannot break the daemon.
"""

import asyncio
import select
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from dbus_fast import (
    DBusFastError,
    Message,
    MessageFlag,
    MessageType,
    Variant,
)
from dbus_fast.aio import MessageBus

from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds

BUS = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
PROPERTIES = "org.freedesktop.DBus.Properties"
CALL_TIMEOUT = Seconds(1.0)

REPLIES = (MessageType.METHOD_RETURN, MessageType.ERROR)

CONNECTION_ERRORS = (OSError, EOFError, DBusFastError)
"""Exceptions at the end of a connection: the bus died or sent malformed data."""

Receive = Callable[[Message], None]


class BusLost(DeviceUnavailable):
    """The bus cannot be reached, or the connection to it ended."""


class CallTimedOut(DeviceUnavailable):
    """The service did not answer in time."""


class CallFailed(DeviceUnavailable):
    """The service answered with an error."""

    def __init__(self, error_name: str, message: str) -> None:
        super().__init__(f"{error_name}: {message}" if message else error_name)
        self.error_name = error_name
        """D-Bus error name: `org.freedesktop.DBus.Error.ServiceUnknown`."""


class Bus:
    """One open connection to a bus."""

    def __init__(self, name: str, connection: MessageBus) -> None:
        self.name = name
        """`session` or `system`."""
        self._connection = connection
        self._guid: str | None = None
        self._pending_replies: dict[int, asyncio.Future[Message]] = {}
        """Futures of running calls by message serial."""
        connection.add_message_handler(self._on_message)
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended = asyncio.ensure_future(self._wait_for_end())

    async def _wait_for_end(self) -> None:
        try:
            with suppress(*CONNECTION_ERRORS):
                await self._connection.wait_for_disconnect()  # type: ignore[no-untyped-call]
        finally:
            for answer in self._pending_replies.values():
                if not answer.done():
                    answer.set_exception(EOFError())
            if not self._lost.done():
                self._lost.set_result(None)

    @property
    def ended(self) -> bool:
        """Whether the connection has ended."""
        return self._lost.done()

    async def lost(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.shield(self._lost)

    async def guid(self) -> str:
        """Return the identity of the bus, which changes when the bus restarts.

        A unique name is valid only together with it. Read once. Raises as `call`.
        """
        if self._guid is None:
            body = await self.call(BUS, BUS_PATH, BUS, "GetId")
            self._guid = str(body[0])
        return self._guid

    async def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *arguments: Any,
        timeout: Seconds = CALL_TIMEOUT,
    ) -> list[Any]:
        """Call a method and return the body of the reply; values stay in their `Variant`s.

        Raises `CallFailed`, `CallTimedOut` or `BusLost`.
        """
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(arguments),
        )
        if not self._alive():
            raise BusLost(f"the {self.name} bus went away")
        # Replies are matched here. The library keeps a handler until its reply arrives, which is
        # never for a service that hangs, and remembers every service it ever called.
        message.serial = self._connection.next_serial()
        answer = asyncio.get_running_loop().create_future()
        self._pending_replies[message.serial] = answer
        try:
            async with asyncio.timeout(timeout):
                self._send(message)
                reply = await answer
        except TimeoutError:
            raise CallTimedOut(f"{destination} did not answer {member} in {timeout:g} s") from None
        except CONNECTION_ERRORS:
            raise BusLost(f"the {self.name} bus went away") from None
        finally:
            del self._pending_replies[message.serial]
        if reply.message_type is MessageType.ERROR:
            first = reply.body[0] if reply.body and isinstance(reply.body[0], str) else ""
            raise CallFailed(reply.error_name or "error without a name", first)
        body: list[Any] = reply.body
        return body

    def _send(self, message: Message) -> None:
        """Send a message. On a bus that has just died the message is lost without an error.

        dbus-fast's `send` raises there, and leaves a future with an exception that is never read.
        """
        writer = self._connection._writer  # noqa: SLF001  # nowhere public
        assert writer is not None
        if not message.serial:
            message.serial = self._connection.next_serial()
        sent = asyncio.get_running_loop().create_future()
        sent.add_done_callback(lambda done: done.cancelled() or done.exception())
        with suppress(OSError):
            writer.schedule_write(message, sent)

    def _on_message(self, message: Message) -> bool:
        answer = self._pending_replies.get(message.reply_serial or 0)
        if answer is None or message.message_type not in REPLIES:
            return False
        if not answer.done():
            answer.set_result(message)
        return True

    def _alive(self) -> bool:
        """Return whether the connection is open, even before the event loop knows that it ended."""
        descriptor = self._connection._fd  # noqa: SLF001  # nowhere public
        if not self._connection.connected or descriptor is None:
            return False
        state = select.poll()
        state.register(descriptor, select.POLLHUP)
        return not state.poll(0)

    async def properties(
        self, destination: str, path: str, interface: str, *, timeout: Seconds = CALL_TIMEOUT
    ) -> dict[str, Any]:
        """Return all properties of one interface without their `Variant`s."""
        body = await self.call(
            destination, path, PROPERTIES, "GetAll", "s", interface, timeout=timeout
        )
        found = unwrap(body[0]) if body else {}
        return found if isinstance(found, dict) else {}

    async def owner(self, name: str) -> str | None:
        """Return the unique name that owns `name`, or `None`."""
        try:
            body = await self.call(BUS, BUS_PATH, BUS, "GetNameOwner", "s", name)
        except CallFailed as problem:
            if problem.error_name == "org.freedesktop.DBus.Error.NameHasNoOwner":
                return None
            raise
        return str(body[0])

    @asynccontextmanager
    async def signals(self, receive: Receive, *rules: str) -> AsyncIterator[None]:
        """Pass every signal on this connection to `receive` while the context is open.

        All holders share the match rules of a connection, so `receive` also gets signals of others
        and must filter them. It runs on the event loop and must not raise.
        """

        def on_message(message: Message) -> None:
            if message.message_type is MessageType.SIGNAL:
                receive(message)

        self._connection.add_message_handler(on_message)
        added: list[str] = []
        try:
            for rule in rules:
                await self.call(BUS, BUS_PATH, BUS, "AddMatch", "s", rule)
                added.append(rule)
            yield
        finally:
            self._connection.remove_message_handler(on_message)
            if self._alive():
                for rule in added:
                    self._send(remove_match(rule))

    def close(self) -> None:
        """End the connection."""
        self._connection.disconnect()


def remove_match(rule: str) -> Message:
    """Return the message that removes a match rule."""
    return Message(
        destination=BUS,
        path=BUS_PATH,
        interface=BUS,
        member="RemoveMatch",
        signature="s",
        body=[rule],
        flags=MessageFlag.NO_REPLY_EXPECTED,
    )


def owner_changes(name: str) -> str:
    """Return the match rule for changes of the owner of `name`."""
    return f"type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{name}'"


def unwrap(value: Any) -> Any:
    """Remove all `Variant`s from a value, at any depth."""
    if isinstance(value, Variant):
        return unwrap(value.value)
    if isinstance(value, dict):
        return {key: unwrap(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [unwrap(inner) for inner in value]
    return value
