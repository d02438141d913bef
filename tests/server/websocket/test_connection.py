import asyncio

import pytest

from deskwire.protocol.websocket.serializer import close_frame, text_frame
from deskwire.server.websocket import connection as module
from deskwire.server.websocket.connection import Connection, broadcast
from tests.server.conftest import Pair
from tests.support.waiting import until_async

FRAME = text_frame(b"x" * 600)
HUGE = text_frame(b"x" * 200_000)


def fill(connection: Connection) -> int:
    """Write until data is unsent; return the number of frames."""
    written = 0
    while connection.unsent == 0 and not connection.closing:
        broadcast(FRAME, [connection])
        written += 1
    return written


async def test_frame_is_written_at_once(pair: Pair) -> None:
    broadcast(FRAME, [pair.connection])

    assert await pair.read() == FRAME
    assert pair.connection.skipped == 0


async def test_slow_client_skips_to_the_newest_frame(pair: Pair) -> None:
    written = fill(pair.connection)
    unsent = pair.connection.unsent

    for _ in range(1000):
        broadcast(FRAME, [pair.connection])
    after_skipping = pair.connection.unsent
    read = b""
    while pair.connection.unsent:
        read += await pair.read()
        await asyncio.sleep(0)
    newest = text_frame(b"newest")
    broadcast(newest, [pair.connection])
    while not read.endswith(newest):
        read += await pair.read()

    assert after_skipping == unsent <= len(FRAME)
    assert pair.connection.skipped == 1000
    assert read == FRAME * written + newest


async def test_stalled_client_is_aborted(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(pair.connection)

    broadcast(FRAME, [pair.connection])
    early = pair.connection.closing
    monkeypatch.setattr(module, "STALLED_AFTER", 0.01)
    await asyncio.sleep(0.02)
    broadcast(FRAME, [pair.connection])

    assert not early
    assert pair.connection.closing


@pytest.mark.virtual_time
async def test_stall_time_restarts_after_the_client_has_read(pair: Pair) -> None:
    fill(pair.connection)
    await asyncio.sleep(20)
    while pair.connection.unsent:
        await pair.read()
        await asyncio.sleep(0)
    fill(pair.connection)

    await asyncio.sleep(20)
    broadcast(FRAME, [pair.connection])
    early = pair.connection.closing
    await asyncio.sleep(11)
    broadcast(FRAME, [pair.connection])

    assert not early
    assert pair.connection.closing


async def test_unskippable_frames_are_buffered_to_a_bound(pair: Pair) -> None:
    fill(pair.connection)

    pair.connection.send(HUGE)
    pair.connection.send(FRAME)

    assert pair.connection.closing


async def test_no_frame_follows_a_close_frame(pair: Pair) -> None:
    pair.connection.close(4004, "token expired")
    broadcast(FRAME, [pair.connection])
    pair.connection.send(FRAME)
    pair.connection.close(1001)

    assert await pair.read() == close_frame(4004, "token expired")


async def test_no_frame_follows_a_close_frame_to_a_slow_client(pair: Pair) -> None:
    written = fill(pair.connection)

    pair.connection.close(4004, "token expired")
    last = close_frame(4004, "token expired")
    read = b""
    while pair.connection.unsent:
        read += await pair.read()
        await asyncio.sleep(0)
    broadcast(FRAME, [pair.connection])
    pair.connection.close_transport()
    while more := await pair.read():
        read += more

    assert read == FRAME * written + last


async def test_websocket_close_is_bounded_when_the_client_does_not_read(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.05)
    fill(pair.connection)

    pair.connection.close(1001, "going away")

    await until_async(lambda: pair.connection.unsent == 0, within=1)


async def test_two_unanswered_pings_abort_the_connection(pair: Pair) -> None:
    pair.connection.ping()
    pair.connection.abort_if_silent()
    after_one = pair.connection.closing
    pair.connection.ping()
    pair.connection.abort_if_silent()

    assert not after_one
    assert pair.connection.closing


async def test_any_frame_counts_as_an_answer_to_a_ping(pair: Pair) -> None:
    pair.connection.ping()
    pair.connection.frame_received()
    pair.connection.ping()
    pair.connection.abort_if_silent()

    assert not pair.connection.closing


async def test_ping_of_a_client_that_does_not_read_is_not_answered(pair: Pair) -> None:
    fill(pair.connection)
    unsent = pair.connection.unsent

    for _ in range(1000):
        pair.connection.pong(b"x" * 125)

    assert pair.connection.unsent == unsent


async def test_disconnected_client_is_skipped_without_an_error(pair: Pair) -> None:
    pair.peer.close()
    fill(pair.connection)

    broadcast(FRAME, [pair.connection])
    pair.connection.send(FRAME)
    pair.connection.pong(b"there?")
    pair.connection.close(1001)

    assert pair.connection.closing
    assert pair.connection.close_sent is None
