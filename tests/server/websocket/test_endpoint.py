import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.web import BaseRequest

from deskwire.daemon.config.settings import Session
from deskwire.model.access import Scope
from deskwire.model.units import Seconds
from deskwire.server.websocket import broadcaster, websocket_protocol
from tests.server.local_server import LocalServer, local_server
from tests.support.time_scaling import patiently

STOP = b'{"event":"audio-stop","args":["player1"]}'


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalServer]:
    async with local_server(tmp_path) as running:
        yield running


@pytest.mark.parametrize("auth", [False, True], ids=["before auth", "after auth"])
@pytest.mark.parametrize(
    ("first", "payload", "code"),
    [
        (0xC1, b"reserved bit", 1002),
        (0x83, b"opcode 3", 1002),
        (0x8B, b"opcode 11", 1002),
        (0x89, b"p" * 126, 1002),
        (0x09, b"fragmented ping", 1002),
        (0x80, b"orphan continuation", 1002),
        (0x81, b"\xff\xfe", 1007),
        (0x81, b"x" * 16_385, 1009),
        (0x88, b"\x03", 1002),
        (0x88, (1005).to_bytes(2, "big"), 1002),
        (0x88, (999).to_bytes(2, "big"), 1002),
        (0x82, b"binary", 1003),
    ],
    ids=str,
)
async def test_invalid_frame_closes_the_socket(
    server: LocalServer, auth: bool, first: int, payload: bytes, code: int
) -> None:
    socket = await server.raw_socket(auth=auth)

    socket.send(first, payload)

    assert await socket.close_code() == code


@pytest.mark.parametrize("auth", [False, True], ids=["before auth", "after auth"])
async def test_unmasked_frame_closes_the_socket(server: LocalServer, auth: bool) -> None:
    socket = await server.raw_socket(auth=auth)

    socket.writer.write(b"\x81\x02{}")

    assert await socket.close_code() == 1002


@pytest.mark.parametrize("size", [2**40, 2**63 + 1])
async def test_huge_frame_length_closes_the_socket(server: LocalServer, size: int) -> None:
    socket = await server.raw_socket(auth=True)

    socket.send(0x81, b"x", length=b"\x7f" + size.to_bytes(8, "big"))

    assert await socket.close_code() == 1009


async def test_fragmented_message_above_the_limit_closes_the_socket(server: LocalServer) -> None:
    socket = await server.raw_socket(auth=True)

    socket.send(0x01, b"x" * 9000)
    socket.send(0x80, b"x" * 9000)

    assert await socket.close_code() == 1009


async def test_message_of_16_kib_is_accepted(server: LocalServer) -> None:
    socket = await server.raw_socket(auth=True)

    socket.send(0x81, STOP.ljust(16_384))
    while (frame := await socket.frame())[1][:16] != b'{"event":"error"':
        pass

    assert b"unknown_player" in frame[1]


async def test_command_in_one_byte_fragments_is_performed(server: LocalServer) -> None:
    socket = await server.raw_socket(auth=True)

    for at, byte in enumerate(STOP):
        last = at == len(STOP) - 1
        socket.send((0x80 if last else 0) | (0 if at else 1), bytes([byte]))
    while (frame := await socket.frame())[1][:16] != b'{"event":"error"':
        pass

    assert b"unknown_player" in frame[1]


async def test_ping_is_answered_with_its_payload(server: LocalServer) -> None:
    socket = await server.raw_socket(auth=True)

    socket.send(0x89, b"are you there")
    while (frame := await socket.frame())[0] != 0xA:
        pass

    assert frame == (0xA, b"are you there")


async def test_close_frame_is_answered_with_its_code(server: LocalServer) -> None:
    socket = await server.raw_socket(auth=True)

    socket.send(0x88, (1000).to_bytes(2, "big") + b"bye")

    assert await socket.close_code() == 1000
    assert await socket.reader.read() == b""


async def test_command_to_an_unknown_player_gets_an_error_and_fresh_stats(
    server: LocalServer,
) -> None:
    socket = await server.raw_socket(auth=True)

    socket.send(0x81, STOP)
    error = json.loads((await socket.frame())[1])
    follows = json.loads((await socket.frame())[1])

    assert json.loads(error["args"][0])["code"] == "unknown_player"
    assert follows["event"] == "stats"


async def test_client_with_only_control_scope_gets_pings_and_no_stats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcaster, "PING_INTERVAL", 0.05)
    async with local_server(tmp_path, scopes=frozenset({Scope.CONTROL})) as server:
        socket = await server.raw_socket(auth=False)
        token, _ = await server.websocket_token()

        socket.send(0x81, json.dumps({"event": "auth", "args": [token]}).encode())
        first = await socket.frame()
        socket.send(0x8A, b"")
        socket.send(0x81, STOP)
        while (message := await socket.frame()) == first:
            pass

    assert first == (0x9, b"")
    assert json.loads(json.loads(message[1])["args"][0])["code"] == "unknown_player"


async def test_socket_without_auth_is_closed_after_the_timeout(tmp_path: Path) -> None:
    async with local_server(tmp_path, Session(auth_timeout=Seconds(0.1))) as server:
        socket = await server.raw_socket(auth=False)

        assert await socket.close_code() == 4001


async def test_socket_above_the_user_limit_is_closed(tmp_path: Path) -> None:
    async with local_server(tmp_path, Session(max_sockets_per_user=1)) as server:
        first = await server.raw_socket(auth=True)
        second = await server.raw_socket(auth=False)
        token, _ = await server.websocket_token()

        second.send(0x81, json.dumps({"event": "auth", "args": [token]}).encode())

        assert await second.close_code() == 1013
        first.send(0x89, b"still there")
        assert (await first.frame())[0] in (1, 0xA)


async def test_unauthenticated_sockets_do_not_block_an_owner(tmp_path: Path) -> None:
    async with local_server(tmp_path, Session(max_unauthenticated=4)) as server:
        idle = [await server.raw_socket(auth=False) for _ in range(10)]

        async with asyncio.timeout(patiently(1)):
            owner = await server.raw_socket(auth=True)

        assert await idle[0].close_code() is None
        owner.writer.close()


@pytest.mark.parametrize(
    "headers",
    [
        "Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
        "Sec-WebSocket-Version: 13\r\n" + 2 * "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ],
)
async def test_invalid_handshake_gets_426(server: LocalServer, headers: str) -> None:
    response = await server.send_raw(
        b"GET /v1/monitor/x/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade, close\r\n" + headers.encode() + b"\r\n"
    )

    assert response.split(b"\r\n")[0] == b"HTTP/1.1 426 Upgrade Required"
    assert b"\r\nSec-WebSocket-Version: 13\r\n" in response


@pytest.mark.parametrize(
    "header", ["Origin: https://evil.example", "Origin: null", "Host: evil.example"]
)
async def test_handshake_from_a_foreign_page_gets_403(server: LocalServer, header: str) -> None:
    host = "" if header.startswith("Host") else "Host: 127.0.0.1\r\n"
    response = await server.send_raw(
        f"GET /v1/monitor/x/ws HTTP/1.1\r\n{host}{header}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )

    assert response.startswith(b"HTTP/1.1 403")


async def test_disconnect_during_the_handshake_logs_no_exception(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disconnected: list[bool] = []
    handshake_key = websocket_protocol.handshake_key

    def disconnects(request: BaseRequest) -> str:
        assert request.transport is not None
        request.transport.abort()
        disconnected.append(True)
        return handshake_key(request)

    monkeypatch.setattr(websocket_protocol, "handshake_key", disconnects)

    response = await server.send_raw(
        b"GET /v1/monitor/x/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    assert (disconnected, response) == ([True], b"")
    assert not caplog.records
