import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.web import BaseRequest

from deskwire.daemon.config.settings import Session
from deskwire.model.access import Scope
from deskwire.model.units import Seconds
from deskwire.server.websocket import broadcaster, upgrade
from tests.server.room import Room, room
from tests.support.time_scaling import patiently

TAP = b'{"event":"audio-stop","args":["player1"]}'


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path) as opened:
        yield opened


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
async def test_a_frame_the_rfc_does_not_allow_ends_the_socket(
    desk: Room, auth: bool, first: int, payload: bytes, code: int
) -> None:
    socket = await desk.raw_socket(auth=auth)

    socket.send(first, payload)

    assert await socket.close_code() == code


@pytest.mark.parametrize("auth", [False, True], ids=["before auth", "after auth"])
async def test_an_unmasked_frame_ends_the_socket(desk: Room, auth: bool) -> None:
    socket = await desk.raw_socket(auth=auth)

    socket.writer.write(b"\x81\x02{}")

    assert await socket.close_code() == 1002


@pytest.mark.parametrize("size", [2**40, 2**63 + 1])
async def test_a_huge_length_ends_the_socket(desk: Room, size: int) -> None:
    socket = await desk.raw_socket(auth=True)

    socket.send(0x81, b"x", length=b"\x7f" + size.to_bytes(8, "big"))

    assert await socket.close_code() == 1009


async def test_a_message_too_big_by_fragments_ends_the_socket(desk: Room) -> None:
    socket = await desk.raw_socket(auth=True)

    socket.send(0x01, b"x" * 9000)
    socket.send(0x80, b"x" * 9000)

    assert await socket.close_code() == 1009


async def test_a_message_of_16_kib_is_read(desk: Room) -> None:
    socket = await desk.raw_socket(auth=True)

    socket.send(0x81, TAP.ljust(16_384))
    while (frame := await socket.frame())[1][:16] != b'{"event":"error"':
        pass

    assert b"unknown_player" in frame[1]


async def test_a_command_in_fragments_of_a_byte_is_obeyed(desk: Room) -> None:
    socket = await desk.raw_socket(auth=True)

    for at, byte in enumerate(TAP):
        last = at == len(TAP) - 1
        socket.send((0x80 if last else 0) | (0 if at else 1), bytes([byte]))
    while (frame := await socket.frame())[1][:16] != b'{"event":"error"':
        pass

    assert b"unknown_player" in frame[1]


async def test_a_ping_is_answered_with_its_payload(desk: Room) -> None:
    socket = await desk.raw_socket(auth=True)

    socket.send(0x89, b"are you there")
    while (frame := await socket.frame())[0] != 0xA:
        pass

    assert frame == (0xA, b"are you there")


async def test_a_close_is_answered_with_its_code(desk: Room) -> None:
    socket = await desk.raw_socket(auth=True)

    socket.send(0x88, (1000).to_bytes(2, "big") + b"bye")

    assert await socket.close_code() == 1000
    assert await socket.reader.read() == b""


async def test_an_unknown_player_is_refused_and_fresh_stats_follow(desk: Room) -> None:
    socket = await desk.raw_socket(auth=True)

    socket.send(0x81, TAP)
    refused = json.loads((await socket.frame())[1])
    follows = json.loads((await socket.frame())[1])

    assert json.loads(refused["args"][0])["code"] == "unknown_player"
    assert follows["event"] == "stats"


async def test_who_may_only_command_is_pinged_and_shown_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcaster, "PING_EVERY", 0.05)
    async with room(tmp_path, scopes=frozenset({Scope.CONTROL})) as desk:
        socket = await desk.raw_socket(auth=False)
        token, _ = await desk.ticket()

        socket.send(0x81, json.dumps({"event": "auth", "args": [token]}).encode())
        first = await socket.frame()
        socket.send(0x8A, b"")
        socket.send(0x81, TAP)
        while (told := await socket.frame()) == first:
            pass

    assert first == (0x9, b"")
    assert json.loads(json.loads(told[1])["args"][0])["code"] == "unknown_player"


async def test_who_says_nothing_is_closed_in_time(tmp_path: Path) -> None:
    async with room(tmp_path, Session(auth_timeout=Seconds(0.1))) as desk:
        socket = await desk.raw_socket(auth=False)

        assert await socket.close_code() == 4001


async def test_too_many_sockets_of_one_person_are_turned_away(tmp_path: Path) -> None:
    async with room(tmp_path, Session(max_sockets_per_user=1)) as desk:
        first = await desk.raw_socket(auth=True)
        second = await desk.raw_socket(auth=False)
        token, _ = await desk.ticket()

        second.send(0x81, json.dumps({"event": "auth", "args": [token]}).encode())

        assert await second.close_code() == 1013
        first.send(0x89, b"still there")
        assert (await first.frame())[0] in (1, 0xA)


async def test_those_who_never_authenticate_make_room_for_an_owner(tmp_path: Path) -> None:
    async with room(tmp_path, Session(max_unauthenticated=4)) as desk:
        idle = [await desk.raw_socket(auth=False) for _ in range(10)]

        async with asyncio.timeout(patiently(1)):
            owner = await desk.raw_socket(auth=True)

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
async def test_an_upgrade_that_is_none_is_refused(desk: Room, headers: str) -> None:
    answer = await desk.say(
        b"GET /v1/monitor/x/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade, close\r\n" + headers.encode() + b"\r\n"
    )

    assert answer.split(b"\r\n")[0] == b"HTTP/1.1 426 Upgrade Required"
    assert b"\r\nSec-WebSocket-Version: 13\r\n" in answer


@pytest.mark.parametrize(
    "header", ["Origin: https://evil.example", "Origin: null", "Host: evil.example"]
)
async def test_a_foreign_page_gets_no_socket(desk: Room, header: str) -> None:
    host = "" if header.startswith("Host") else "Host: 127.0.0.1\r\n"
    answer = await desk.say(
        f"GET /v1/monitor/x/ws HTTP/1.1\r\n{host}{header}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )

    assert answer.startswith(b"HTTP/1.1 403")


async def test_who_leaves_before_the_handshake_is_answered_is_no_bug(
    desk: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    left: list[bool] = []
    key_of = upgrade.key_of

    def leaves(request: BaseRequest) -> str:
        assert request.transport is not None
        request.transport.abort()
        left.append(True)
        return key_of(request)

    monkeypatch.setattr(upgrade, "key_of", leaves)

    answer = await desk.say(
        b"GET /v1/monitor/x/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    assert (left, answer) == ([True], b"")
    assert "bug of ours" not in caplog.text
