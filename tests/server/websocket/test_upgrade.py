import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from deskwire.server.websocket.upgrade import is_key, switching
from tests.server.room import Room, room
from tests.support.time_scaling import patiently

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""RFC 6455 section 1.3's own, and what it answers to it."""
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path) as opened:
        yield opened


def asking(**changes: str | None) -> bytes:
    """Return the request of a handshake, with other header lines, or without some."""
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


async def answered(desk: Room, said: bytes) -> bytes:
    """Say it on a connection of its own; return the head of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
    writer.write(said)
    async with asyncio.timeout(patiently(5)):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head


def test_the_key_is_answered_as_the_rfc_has_it() -> None:
    assert b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n" in switching(KEY)


@pytest.mark.parametrize("key", ["", "short", KEY + "A", "dGhl IHNhbXBsZSBub25jZQ==", "é" * 24])
def test_a_key_is_sixteen_bytes_in_base64(key: str) -> None:
    assert not is_key(key)


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
async def test_a_handshake_is_answered_with_nothing_more_than_it_needs(
    desk: Room, changes: dict[str, Any]
) -> None:
    head = await answered(desk, asking(**changes))

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
async def test_what_is_no_handshake_is_told_what_this_address_is_for(
    desk: Room, changes: dict[str, Any]
) -> None:
    assert (await answered(desk, asking(**changes))).startswith(b"HTTP/1.1 426 ")


async def test_http_1_0_has_no_websockets(desk: Room) -> None:
    said = asking().replace(b"HTTP/1.1", b"HTTP/1.0")

    assert (await answered(desk, said)).startswith(b"HTTP/1.0 426 ")


async def test_what_comes_with_the_handshake_is_heard(desk: Room) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
    writer.write(asking() + b"\x89\x82\0\0\0\0hi")
    async with asyncio.timeout(patiently(5)):
        await reader.readuntil(b"\r\n\r\n")
        pong = await reader.readexactly(4)
    writer.close()
    await writer.wait_closed()

    assert pong == b"\x8a\x02hi"


async def test_an_open_socket_has_neither_a_task_nor_anything_of_http(desk: Room) -> None:
    sockets = [await desk.raw_socket(auth=True)]
    of_one = held()

    sockets += [await desk.raw_socket(auth=True) for _ in range(3)]

    assert held() == of_one
    assert len(sockets) == 4


def held() -> tuple[int, int]:
    """Count the tasks there are, and the connections that speak HTTP."""
    gc.collect()
    handlers = [each for each in gc.get_objects() if isinstance(each, web.RequestHandler)]
    return len(asyncio.all_tasks()), len(handlers)
