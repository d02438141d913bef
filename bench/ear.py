"""An ear on a bus: it notes when each player says that it plays, or has paused."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from tests.support.buses import PrivateBus


@asynccontextmanager
async def listening(bus: PrivateBus) -> AsyncIterator[list[tuple[float, str]]]:
    """Note when each player's change of status comes over the bus."""
    received: list[tuple[float, str]] = []

    def hear(message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.member == "PropertiesChanged":
            changed = message.body[1]
            if "PlaybackStatus" in changed:
                received.append((time.monotonic(), changed["PlaybackStatus"].value))

    connection = await MessageBus(bus_address=bus.address).connect()
    connection.add_message_handler(hear)
    await connection.call(
        Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus",
            member="AddMatch",
            signature="s",
            body=["type='signal',interface='org.freedesktop.DBus.Properties'"],
        )
    )
    try:
        yield received
    finally:
        connection.disconnect()
