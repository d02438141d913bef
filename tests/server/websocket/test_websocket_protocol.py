import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from deskwire.protocol.websocket.parser import Binary, FrameParser, Text
from deskwire.protocol.websocket.serializer import close_frame, pong_frame, text_frame
from deskwire.server.net.tcp_transport import HIGH_WATER
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.websocket_protocol import (
    MESSAGES_PER_TURN,
    WebSocketProtocol,
    handshake_response,
    is_valid_key,
)
from tests.server.conftest import Pair
from tests.server.local_server import LocalServer, local_server
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

BYE = b"\x88\x80\0\0\0\0"
PING = b"\x89\x80\0\0\0\0"


def text(size: int) -> bytes:
    """Return a client's text frame with a zero key."""
    return b"\x81\xfe" + size.to_bytes(2, "big") + bytes(4) + b"x" * size


class RecordingReceiver:
    """Receiver that records the messages, and answers each if it has a response."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.response = b""
        self.lengths: list[int] = []
        self.input_ends = 0
        self.losses = 0

    def message_received(self, message: Text | Binary) -> None:
        assert isinstance(message, Text)
        self.lengths.append(len(message.text))
        if self.response:
            self._connection.send(self.response)

    def input_ended(self) -> None:
        self.input_ends += 1

    def connection_lost(self) -> None:
        self.losses += 1


@pytest.fixture
def receiver(pair: Pair) -> RecordingReceiver:
    receiver = RecordingReceiver(pair.connection)
    pair.transport.set_protocol(
        WebSocketProtocol(pair.transport, FrameParser(1 << 20), pair.connection, receiver)
    )
    return receiver


async def test_messages_are_handled_in_order(pair: Pair, receiver: RecordingReceiver) -> None:
    pair.peer.send(text(200) + PING + text(300))

    assert await pair.read() == pong_frame(b"")
    assert receiver.lengths == [200, 300]


async def test_message_in_several_reads_is_handled_once(
    pair: Pair, receiver: RecordingReceiver
) -> None:
    for piece in (text(200)[:3], text(200)[3:90], text(200)[90:]):
        pair.peer.send(piece)
        await asyncio.sleep(0)

    await until_async(lambda: receiver.lengths == [200])


async def test_burst_of_messages_yields_to_other_tasks(
    receiver: RecordingReceiver, pair: Pair
) -> None:
    protocol = pair.transport.get_protocol()

    protocol.data_received(text(126) * MESSAGES_PER_TURN * 3)
    handled = [len(receiver.lengths)]
    reading = [pair.transport.is_reading()]
    for _ in range(2):
        await asyncio.sleep(0)
        handled.append(len(receiver.lengths))
        reading.append(pair.transport.is_reading())

    assert handled == [MESSAGES_PER_TURN, 2 * MESSAGES_PER_TURN, 3 * MESSAGES_PER_TURN]
    assert reading == [False, False, True]


async def test_input_waits_while_the_client_does_not_read_responses(
    pair: Pair, receiver: RecordingReceiver
) -> None:
    protocol = pair.transport.get_protocol()
    receiver.response = text_frame(b"x" * (HIGH_WATER + 20_000))

    protocol.data_received(text(126) * 3)
    handled, reading = len(receiver.lengths), pair.transport.is_reading()
    while len(receiver.lengths) < 3:
        await pair.read()
        await asyncio.sleep(0)
    while pair.connection.unsent:
        await pair.read()
        await asyncio.sleep(0)

    assert (handled, reading) == (1, False)
    assert pair.transport.is_reading()


async def test_close_frame_is_answered_and_followed_by_eof(
    pair: Pair, receiver: RecordingReceiver
) -> None:
    pair.peer.send(BYE + text(126))

    assert await pair.read() == close_frame(None)
    assert await pair.read() == b""
    assert receiver.lengths == []
    assert (receiver.input_ends, receiver.losses) == (1, 0)
    pair.peer.close()
    await until_async(lambda: receiver.losses == 1)


async def test_protocol_violation_is_answered_and_later_input_is_discarded(
    pair: Pair, receiver: RecordingReceiver
) -> None:
    pair.peer.send(b"\x81\x01x")
    response = await pair.read()
    pair.peer.send(text(126) * 100)

    assert response == close_frame(1002, "frame without a mask")
    assert await pair.read() == b""
    assert receiver.lengths == []
    assert not pair.transport.closing


async def test_lost_connection_ends_the_receiver_once(
    pair: Pair, receiver: RecordingReceiver
) -> None:
    pair.peer.close()

    await until_async(lambda: receiver.losses)
    assert (receiver.input_ends, receiver.losses) == (1, 1)


KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""Key and accept value of RFC 6455 section 1.3."""
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with local_server(tmp_path) as running:
        yield running


def handshake(**changes: str | None) -> bytes:
    """Return a handshake with changed headers; `None` removes one."""
    headers: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    }
    headers.update({name.replace("_", "-"): value for name, value in changes.items()})
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join(["GET /v1/monitor/x/ws HTTP/1.1", *lines, "", ""]).encode()


async def response_head(server: LocalServer, request: bytes) -> bytes:
    """Send it on a new connection; return the head of the response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    async with asyncio.timeout(patiently(5)):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head


def test_handshake_response_has_the_accept_value_of_the_rfc() -> None:
    assert b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n" in handshake_response(KEY)


@pytest.mark.parametrize("key", ["", "short", KEY + "A", "dGhl IHNhbXBsZSBub25jZQ==", "é" * 24])
def test_key_that_is_not_16_bytes_in_base64_is_invalid(key: str) -> None:
    assert not is_valid_key(key)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Connection": "keep-alive, UPGRADE"},
        {"Upgrade": "WebSocket"},
        {"Sec_WebSocket_Protocol": "chat"},
        {"Sec_WebSocket_Extensions": "permessage-deflate"},
    ],
    ids=str,
)
async def test_handshake_response_has_only_the_required_headers(
    server: LocalServer, changes: dict[str, Any]
) -> None:
    head = await response_head(server, handshake(**changes))

    names = [line.split(b":")[0] for line in head.strip().split(b"\r\n")[1:]]
    assert head.startswith(b"HTTP/1.1 101 ")
    assert ACCEPT in head
    assert names == [b"Upgrade", b"Connection", b"Sec-WebSocket-Accept", b"Server"]


@pytest.mark.parametrize(
    "changes",
    [
        {"Upgrade": None},
        {"Upgrade": "h2c"},
        {"Connection": "close"},
        {"Sec_WebSocket_Version": "12"},
        {"Sec_WebSocket_Version": None},
        {"Sec_WebSocket_Key": None},
        {"Sec_WebSocket_Key": "c2hvcnQ="},
    ],
    ids=str,
)
async def test_request_that_is_not_a_handshake_gets_426(
    server: LocalServer, changes: dict[str, Any]
) -> None:
    assert (await response_head(server, handshake(**changes))).startswith(b"HTTP/1.1 426 ")


async def test_http_1_0_handshake_gets_426(server: LocalServer) -> None:
    request = handshake().replace(b"HTTP/1.1", b"HTTP/1.0")

    assert (await response_head(server, request)).startswith(b"HTTP/1.0 426 ")


async def test_frames_sent_with_the_handshake_are_handled(server: LocalServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(handshake() + b"\x89\x82\0\0\0\0hi")
    async with asyncio.timeout(patiently(5)):
        await reader.readuntil(b"\r\n\r\n")
        pong = await reader.readexactly(4)
    writer.close()
    await writer.wait_closed()

    assert pong == b"\x8a\x02hi"


async def test_open_socket_holds_no_task_and_no_http_protocol(server: LocalServer) -> None:
    sockets = [await server.raw_socket(auth=True)]
    of_one = held_objects()

    sockets += [await server.raw_socket(auth=True) for _ in range(3)]

    assert held_objects() == of_one
    assert len(sockets) == 4


def held_objects() -> tuple[int, int]:
    """Return the numbers of tasks and of HTTP protocols."""
    gc.collect()
    handlers = [each for each in gc.get_objects() if isinstance(each, web.RequestHandler)]
    return len(asyncio.all_tasks()), len(handlers)
