import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskwire.server.http import http_protocol as wire
from tests.server.room import PASSWORD, Room, room
from tests.support.time_scaling import patiently


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    monkeypatch.setattr(wire, "LINGER", 0.1)
    async with room(tmp_path) as opened:
        yield opened


HOST = b"Host: 127.0.0.1\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET http://127.0.0.1/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Origin: https://evil.example\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 100_000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 5000 + b"\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 3, 4\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nTransfer-Encoding: chunked"
         b"\r\n\r\n0\r\n\r\n", 400),
        (b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n", 400),
        (b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n", 400),
        (b"POST /v1/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
         b"Content-Length: 1000000\r\n\r\n", 413),
        (b"POST /v1/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
         b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk", 415),
        (b"POST /healthz HTTP/1.1\r\n" + HOST + b"Content-Encoding: gzip\r\n"
         b"Content-Length: 4\r\n\r\njunk", 405),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 501),
        (b"TRACE /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"BREW /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"PUT /v1/login HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n", 405),
        (b"OPTIONS /v1/login HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"GET /v1/login/ HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    ],
    ids=lambda given: given[:60].decode("latin-1") if isinstance(given, bytes) else str(given),
)  # fmt: skip
async def test_every_request_gets_one_answer_in_our_words(
    desk: Room, request_bytes: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answered = await desk.say(request_bytes)

    head, _, body = answered.partition(b"\r\n\r\n")
    assert int(head.split(b" ")[1]) == status, answered[:300]
    assert answered.startswith(b"HTTP/1.")
    assert answered.count(b"HTTP/1.") == 1
    assert not caplog.records
    assert json.loads(body)["object"] == ("error" if status != 200 else "health")
    assert b"Server: deskwire\r\n" in head
    assert b"nosniff" in head
    assert b"Content-Security-Policy" in head
    assert b"aiohttp" not in answered.lower()
    assert b"python" not in answered.lower()


async def test_a_head_is_an_answer_without_its_body(desk: Room) -> None:
    answered = await desk.say(b"HEAD /healthz HTTP/1.1\r\n" + HOST + b"\r\n")

    assert answered.startswith(b"HTTP/1.1 200 OK")
    assert answered.endswith(b"\r\n\r\n")


async def test_what_is_never_finished_is_cut(desk: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = wire.IDLE
    monkeypatch.setattr(wire, "IDLE", 0.2)

    answered = await desk.say(b"GET /healthz HTTP/1.1\r\nHost: 12")

    assert answered == b""
    assert usual <= 15


async def test_a_body_that_is_never_finished_is_told_so(
    desk: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskwire.server.http.login_service.BODY_TIMEOUT", 0.2)

    answered = await desk.say(
        b"POST /v1/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        b"Content-Length: 50\r\n\r\n{"
    )

    assert answered.startswith(b"HTTP/1.1 408 ")


async def test_who_says_that_nothing_follows_is_answered_all_the_same(desk: Room) -> None:
    login = json.dumps({"username": "ann", "password": PASSWORD}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
    writer.write(
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        b"POST /v1/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        + b"Content-Length: %d\r\n\r\n" % len(login)
        + login
    )
    writer.write_eof()

    async with asyncio.timeout(wire.IDLE / 2):
        answered = await reader.read()
    writer.close()

    assert answered.count(b"HTTP/1.1 200 OK") == 2
    assert b'"login_token"' in answered


@pytest.mark.parametrize(
    "sent", [b"Content-Length: 50\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"]
)
async def test_a_body_that_is_cut_off_is_no_bug_of_ours(
    desk: Room, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /v1/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", desk.port)
    writer.write(head + sent)
    await desk.say(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")  # meanwhile it is read

    writer.close()
    await writer.wait_closed()
    await desk.say(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")

    assert "bug" not in caplog.text


async def test_who_asks_before_sending_a_body_is_told_to_go_on(desk: Room) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
    writer.write(
        b"POST /v1/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    async with asyncio.timeout(patiently(5)):
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"{}")
        then = await reader.read()
    writer.close()

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert then.startswith(b"HTTP/1.1 400 ")


async def test_a_bug_of_ours_says_nothing(
    desk: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the inside")

    monkeypatch.setattr("deskwire.server.http.login_service.LoginService.websocket_token", broken)
    bears = {"Authorization": f"Bearer {await desk.login()}"}

    async with desk.http.get(f"{desk.url}/v1/websocket", headers=bears) as response:
        body = await response.text()

    assert response.status == 500
    assert json.loads(body)["data"]["code"] == "internal_error"
    assert "inside" not in body
    assert "ZeroDivisionError: the inside" in caplog.text


async def test_a_stranger_who_guesses_is_slowed_down_by_the_twentieth_try(desk: Room) -> None:
    wrong = {"username": "ann", "password": "wrong"}
    statuses = []
    waits = []
    for _ in range(25):
        async with desk.http.post(f"{desk.url}/v1/login", json=wrong) as response:
            statuses.append(response.status)
            waits.append(int(response.headers.get("Retry-After", 0)))

    assert statuses[0] == 401
    assert 429 in statuses[:20]
    assert waits[-1] >= 1
