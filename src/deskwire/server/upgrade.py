"""A request becomes a WebSocket: the handshake, the listening, and every way it ends.

    upgrade ─▶ messages, one after another ─▶ last words ─▶ gone

What is done with messages is a `Conversation`'s business. aiohttp does the handshake and nothing
after it: what comes in is read by `protocol/unframing`, what goes out is written by `connection`.
"""

from collections.abc import Callable
from typing import Protocol

from aiohttp import HttpVersion11, web

from deskwire.protocol.unframing import Binary, Broken, Farewell, FrameReader, Ping, Text
from deskwire.server.connection import CLOSE_TIMEOUT, Connection
from deskwire.server.inbox import Inbox
from deskwire.server.problems import NotAWebSocket
from deskwire.server.wire import Wire

VERSION = "13"


class Conversation(Protocol):
    """What is said on one socket. It may end it by closing the connection."""

    async def hear(self, message: Text | Binary) -> None:
        """Take a message; the next is read when this returns."""

    def leave(self) -> None:
        """Nothing more will be heard."""

    def over(self) -> None:
        """The socket is gone, or both last words are said."""


async def converse(
    request: web.BaseRequest, begin: Callable[[Connection], Conversation], *, largest: int
) -> web.StreamResponse:
    """Upgrade, and stay until the socket is gone; messages have `largest` bytes at most.

    Raises `NotAWebSocket`, with nothing said yet.
    """
    response = _Upgrade()
    if not (_asks_rightly(request) and response.can_prepare(request)):
        raise NotAWebSocket("this is a WebSocket's address")
    wire = request.protocol
    if request.transport is None or not isinstance(wire, Wire):
        raise NotAWebSocket("the connection is gone")
    connection = Connection(request.transport)
    inbox = wire.inbox = Inbox(wire, FrameReader(largest))
    await response.prepare(request)
    conversation = begin(connection)
    try:
        if await _listen(inbox, connection, conversation):
            # what still comes is let pass: to close on it would take our last word back
            await wire.gone_within(CLOSE_TIMEOUT)
    finally:
        conversation.over()
        connection.finish()
    return response


def _asks_rightly(request: web.BaseRequest) -> bool:
    """Tell whether it asks as RFC 6455 section 4.1 says, as far as aiohttp does not look."""
    version = request.headers.get("Sec-WebSocket-Version")
    one_key = len(request.headers.getall("Sec-WebSocket-Key", [])) == 1
    return request.version >= HttpVersion11 and version == VERSION and one_key


async def _listen(inbox: Inbox, connection: Connection, conversation: Conversation) -> bool:
    """Listen to the end; true if the peer may not have seen it yet."""
    while (message := await inbox.next()) is not None:
        connection.heard()
        match message:
            case Text() | Binary():
                await conversation.hear(message)
            case Ping(payload):
                connection.pong(payload)
            case Farewell(code, _):
                conversation.leave()
                connection.close(code)
                return connection.end_writing()
            case Broken(code, reason):
                conversation.leave()
                connection.close(code, reason)
                connection.end_writing()
                return True
    conversation.leave()
    return False


class _Upgrade(web.WebSocketResponse):
    """aiohttp's handshake without its farewell."""

    def __init__(self) -> None:
        super().__init__(autoclose=False, autoping=False, compress=False)
        self.headers["Server"] = "deskwire"

    async def close(
        self,
        *,
        code: int = 1000,  # noqa: ARG002 - aiohttp's signature
        message: bytes = b"",  # noqa: ARG002 - the same
        drain: bool = True,  # noqa: ARG002 - the same
    ) -> bool:
        """Say nothing: `converse` has said it."""
        return False
