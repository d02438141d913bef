"""A request becomes a WebSocket: the handshake, RFC 6455 section 4.2.

    request ─▶ 101 ─▶ aiohttp lets go ─▶ the inbox hears, the connection speaks

From then on there is neither a task nor a buffer of aiohttp's for the socket: what comes is read by
`inbox` and `protocol/unframing`, what goes out is written by `connection`.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable

from aiohttp import HttpVersion11, web

from deskwire.protocol.websocket.parser import FrameParser
from deskwire.server.http.http_protocol import HttpProtocol
from deskwire.server.http.problems import NotAWebSocket
from deskwire.server.net.tcp_transport import TcpTransport
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.websocket_protocol import MessageReceiver, WebSocketProtocol

VERSION = "13"
KEY_BYTES = 16
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def upgrade(
    request: web.BaseRequest, begin: Callable[[Connection], MessageReceiver], *, largest: int
) -> web.StreamResponse:
    """Upgrade, and have a conversation begin; messages have `largest` bytes at most.

    Raises `NotAWebSocket`, with nothing said yet.
    """
    answer = switching(key_of(request))
    wire, stream = request.protocol, request.transport
    if not isinstance(wire, HttpProtocol) or not isinstance(stream, TcpTransport):
        raise NotAWebSocket("the connection is gone")
    rest = wire.detach()
    stream.write(answer)
    connection = Connection(stream)
    inbox = WebSocketProtocol(stream, FrameParser(largest), connection, begin(connection))
    stream.set_protocol(inbox)
    stream.upgraded = True
    inbox.data_received(rest)
    return _Answered()


def key_of(request: web.BaseRequest) -> str:
    """Return the key of what asks for a WebSocket; raises `NotAWebSocket` for anything else."""
    headers = request.headers
    connection = ",".join(headers.getall("Connection", [])).lower().split(",")
    keys = headers.getall("Sec-WebSocket-Key", [])
    asks = (
        request.version == HttpVersion11
        and request.method == "GET"
        and headers.get("Upgrade", "").strip().lower() == "websocket"
        and "upgrade" in map(str.strip, connection)
        and headers.get("Sec-WebSocket-Version") == VERSION
    )
    if not asks or len(keys) != 1 or not is_key(keys[0]):
        raise NotAWebSocket("this is a WebSocket's address")
    return keys[0]


def is_key(text: str) -> bool:
    """Tell whether it is 16 bytes in base64."""
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def switching(key: str) -> bytes:
    """Write the answer to a key."""
    digest = hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n"
        b"Server: deskwire\r\n\r\n"
    )


class _Answered(web.StreamResponse):
    """What aiohttp is given when the answer is out already."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Say nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Say nothing."""
