"""What a screen says: read, and heard one after another.

It stands in the place of aiohttp when a connection has become a WebSocket; of aiohttp nothing is
left by then. Nothing is kept beyond one read: while something of it is unheard, no more is read.
"""

import asyncio
from typing import Protocol

from deskwire.protocol.websocket.parser import (
    Binary,
    CloseReceived,
    FrameParser,
    Ping,
    ProtocolViolation,
    Received,
    Text,
)
from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.websocket.connection import Connection

AT_A_STRETCH = 64
"""Messages that are heard before others get their turn."""


class MessageReceiver(Protocol):
    """What is said on one socket. It may end it by closing the connection."""

    def hear(self, message: Text | Binary) -> None:
        """Take a message."""

    def leave(self) -> None:
        """Nothing more will be heard."""

    def over(self) -> None:
        """The socket is gone."""


class WebSocketProtocol(asyncio.Protocol):
    """One socket's messages, in order."""

    __slots__ = (
        "_connection",
        "_conversation",
        "_full",
        "_reader",
        "_stream",
        "_turn_comes",
        "_unheard",
    )

    def __init__(
        self,
        stream: TcpTransport,
        reader: FrameParser,
        connection: Connection,
        conversation: MessageReceiver,
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._connection = connection
        self._conversation = conversation
        self._unheard: list[Received] = []
        self._turn_comes = False
        self._full = False

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._unheard += self._reader.feed(data)
        self._hear_some()

    def pause_writing(self) -> None:
        """The peer takes nothing: what it says waits, for there may be an answer to it."""
        self._full = True
        self._stream.pause_reading()

    def resume_writing(self) -> None:
        """It takes again."""
        self._full = False
        self._hear_some()

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's
        """The connection is gone."""
        self._unheard.clear()
        self._conversation.leave()
        self._conversation.over()

    def _hear_some(self) -> None:
        if self._turn_comes:
            return
        heard = 0
        for message in self._unheard[:AT_A_STRETCH]:
            if self._full:
                break
            self._hear(message)
            heard += 1
        del self._unheard[:heard]
        if self._full:
            return
        if self._unheard:
            self._stream.pause_reading()
            self._turn_comes = True
            asyncio.get_running_loop().call_soon(self._next_turn)
        else:
            self._stream.resume_reading()

    def _next_turn(self) -> None:
        self._turn_comes = False
        self._hear_some()

    def _hear(self, message: Received) -> None:
        connection, conversation = self._connection, self._conversation
        connection.heard()
        match message:
            case Text() | Binary():
                conversation.hear(message)
            case Ping(payload):
                connection.pong(payload)
            case CloseReceived(code, _):
                conversation.leave()
                connection.close(code)
                if not connection.end_writing():
                    connection.finish()
            case ProtocolViolation(code, reason):
                # what still comes is let pass: to close on it would take our last word back
                conversation.leave()
                connection.close(code, reason)
                connection.end_writing()
