import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from deskwire.server.http import http_protocol as wire
from deskwire.server.http.http_protocol import TAKEN_WITHIN, HttpServer
from deskwire.server.http.pages import File, Pages
from tests.server.room import Room, room
from tests.support.tcp import far_end
from tests.support.waiting import until_async

LARGE = b"x" * 1_000_000
TAKES = 4096
ASK = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Room]:
    page = File(media_type="text/plain", cache="", bodies={"identity": LARGE}, tag="large")
    async with room(tmp_path, pages=Pages({"index.html": page})) as opened:
        yield opened


async def test_peer_that_does_not_read_an_answer_is_detached(
    desk: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wire, "TAKEN_WITHIN", 0.2)
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TAKES)
        peer.connect(("127.0.0.1", desk.port))
        port = peer.getsockname()[1]
        peer.sendall(ASK + b"\r\n")

        await until_async(lambda: far_end(port).unsent > TAKES)
        await until_async(lambda: not far_end(port).held)

    assert not caplog.records


async def test_who_takes_a_large_answer_gets_it_whole(desk: Room) -> None:
    answered = await desk.say(ASK + b"Connection: close\r\n\r\n")

    assert answered.endswith(b"\r\n\r\n" + LARGE)


class Way(asyncio.Transport):
    """Where an answer goes."""

    aborted = False

    def abort(self) -> None:
        """Take note."""
        self.aborted = True

    def close(self) -> None:
        """It would, of a peer that asks nothing more."""


@pytest.mark.warped
@pytest.mark.parametrize("takes", [True, False])
async def test_who_takes_it_late_but_in_time_stays(takes: bool) -> None:
    way, speaking = Way(), HttpServer(no_answer)()
    speaking.connection_made(way)

    speaking.pause_writing()
    await asyncio.sleep(TAKEN_WITHIN - 1)
    if takes:
        speaking.resume_writing()
    await asyncio.sleep(2)

    assert TAKEN_WITHIN <= 15
    assert way.aborted == (not takes)
    speaking.connection_lost(None)


async def no_answer(_: web.BaseRequest) -> web.StreamResponse:
    """Nobody asks."""
    raise NotImplementedError
