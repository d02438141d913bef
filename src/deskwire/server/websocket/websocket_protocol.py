"""WebSocket protocol: the opening handshake, and then the input of one connection.

    HTTP request ─▶ 101 response ─▶ aiohttp detaches ─▶ WebSocketProtocol reads, Connection writes

RFC 6455 section 4.2. After the handshake no task and no buffer of aiohttp's is left. At most one
read is buffered: while a message of it is unhandled, the transport is paused.
"""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Protocol

from aiohttp import HttpVersion11, web

from deskwire.protocol.websocket.parser import (
    Binary,
    CloseReceived,
    FrameParser,
    Ping,
    ProtocolViolation,
    Received,
    Text,
)
from deskwire.server.http.problems import NotAWebSocket
from deskwire.server.http.server import HttpProtocol
from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.websocket.connection import Connection

VERSION = "13"
KEY_BYTES = 16
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MESSAGES_PER_TURN = 64
"""Messages to handle before other tasks of the event loop run."""


class MessageReceiver(Protocol):
    """Handles the messages of one WebSocket; it closes the connection to end it."""

    def message_received(self, message: Text | Binary) -> None:
        """Handle a message."""

    def input_ended(self) -> None:
        """Stop: no further message will be received."""

    def connection_lost(self) -> None:
        """Clean up: the connection is closed."""


class WebSocketProtocol(asyncio.Protocol):
    """Parses input and hands messages to a receiver in order."""

    __slots__ = (
        "_connection",
        "_parser",
        "_pending",
        "_receiver",
        "_scheduled",
        "_transport",
        "_writing_paused",
    )

    def __init__(
        self,
        transport: TcpTransport,
        parser: FrameParser,
        connection: Connection,
        receiver: MessageReceiver,
    ) -> None:
        self._transport = transport
        self._parser = parser
        self._connection = connection
        self._receiver = receiver
        self._pending: list[Received] = []
        self._scheduled = False
        self._writing_paused = False

    def data_received(self, data: bytes) -> None:
        """Parse and handle input."""
        self._pending += self._parser.feed(data)
        self._handle_pending()

    def pause_writing(self) -> None:
        """Stop reading: a message could need a response that the client does not read."""
        self._writing_paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        self._writing_paused = False
        self._handle_pending()

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's
        """Tell the receiver that the connection is closed."""
        self._pending.clear()
        self._receiver.input_ended()
        self._receiver.connection_lost()

    def _handle_pending(self) -> None:
        if self._scheduled:
            return
        handled = 0
        for message in self._pending[:MESSAGES_PER_TURN]:
            if self._writing_paused:
                break
            self._handle(message)
            handled += 1
        del self._pending[:handled]
        if self._writing_paused:
            return
        if self._pending:
            self._transport.pause_reading()
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._next_turn)
        else:
            self._transport.resume_reading()

    def _next_turn(self) -> None:
        self._scheduled = False
        self._handle_pending()

    def _handle(self, message: Received) -> None:
        connection, receiver = self._connection, self._receiver
        connection.frame_received()
        match message:
            case Text() | Binary():
                receiver.message_received(message)
            case Ping(payload):
                connection.pong(payload)
            case CloseReceived(code, _):
                receiver.input_ended()
                connection.close(code)
                if not connection.send_eof():
                    connection.close_transport()
            case ProtocolViolation(code, reason):
                # the transport stays open: closing on unread input could destroy our close frame
                receiver.input_ended()
                connection.close(code, reason)
                connection.send_eof()


def upgrade(
    request: web.BaseRequest,
    receive: Callable[[Connection], MessageReceiver],
    *,
    max_message: int,
    subprotocol: str | None = None,
) -> web.StreamResponse:
    """Answer the handshake and hand the connection to the receiver that `receive` returns.

    `max_message` is the maximum size in bytes, `subprotocol` the chosen one of those that the
    client offers. Raises `NotAWebSocket` before anything is sent.
    """
    response = handshake_response(handshake_key(request), subprotocol)
    http, transport = request.protocol, request.transport
    if not isinstance(http, HttpProtocol) or not isinstance(transport, TcpTransport):
        raise NotAWebSocket("the client disconnected")
    rest = http.detach()
    transport.write(response)
    connection = Connection(transport)
    parser = FrameParser(max_message)
    protocol = WebSocketProtocol(transport, parser, connection, receive(connection))
    transport.set_protocol(protocol)
    transport.upgraded = True
    protocol.data_received(rest)
    return _AlreadySent()


def handshake_key(request: web.BaseRequest) -> str:
    """Return the key of a WebSocket handshake; raises `NotAWebSocket` for another request."""
    headers = request.headers
    connection = ",".join(headers.getall("Connection", [])).lower().split(",")
    keys = headers.getall("Sec-WebSocket-Key", [])
    valid = (
        request.version == HttpVersion11
        and request.method == "GET"
        and headers.get("Upgrade", "").strip().lower() == "websocket"
        and "upgrade" in map(str.strip, connection)
        and headers.get("Sec-WebSocket-Version") == VERSION
    )
    if not valid or len(keys) != 1 or not is_valid_key(keys[0]):
        raise NotAWebSocket(f"not a WebSocket handshake; connect with RFC 6455 version {VERSION}")
    return keys[0]


def is_valid_key(text: str) -> bool:
    """Return whether the text is 16 bytes in base64."""
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def offered_subprotocols(request: web.BaseRequest) -> list[str]:
    """Return the subprotocols that the client offers, in its order of preference."""
    offered = ",".join(request.headers.getall("Sec-WebSocket-Protocol", [])).split(",")
    return [each.strip() for each in offered]


def handshake_response(key: str, subprotocol: str | None = None) -> bytes:
    """Return the 101 response to a key."""
    chosen = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
    digest = hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: "
        + base64.b64encode(digest)
        + b"\r\n"
        + chosen.encode()
        + b"Server: deskwire\r\n\r\n"
    )


class _AlreadySent(web.StreamResponse):
    """Response for aiohttp that writes nothing."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Write nothing."""
