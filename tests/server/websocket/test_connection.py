import asyncio

import pytest

from deskwire.protocol.websocket.serializer import close_frame, text_frame
from deskwire.server.websocket import connection as module
from deskwire.server.websocket.connection import Connection, offer
from tests.server.conftest import Pair
from tests.support.waiting import until_async

FRAME = text_frame(b"x" * 600)
HUGE = text_frame(b"x" * 200_000)


def stuff(connection: Connection) -> int:
    """Write until the kernel takes no more; return how many frames that took."""
    written = 0
    while connection.unread == 0 and not connection.closing:
        offer(FRAME, [connection])
        written += 1
    return written


async def test_a_frame_is_written_at_once(pair: Pair) -> None:
    offer(FRAME, [pair.connection])

    assert await pair.read() == FRAME
    assert pair.connection.skipped == 0


async def test_who_has_not_read_is_skipped_and_then_gets_the_newest(pair: Pair) -> None:
    written = stuff(pair.connection)
    held = pair.connection.unread

    for _ in range(1000):
        offer(FRAME, [pair.connection])
    after_skipping = pair.connection.unread
    read = b""
    while pair.connection.unread:
        read += await pair.read()
        await asyncio.sleep(0)
    newest = text_frame(b"newest")
    offer(newest, [pair.connection])
    while not read.endswith(newest):
        read += await pair.read()

    assert after_skipping == held <= len(FRAME)
    assert pair.connection.skipped == 1000
    assert read == FRAME * written + newest


async def test_who_reads_nothing_for_long_is_dropped(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuff(pair.connection)

    offer(FRAME, [pair.connection])
    not_yet = pair.connection.closing
    monkeypatch.setattr(module, "STUCK_AFTER", 0.01)
    await asyncio.sleep(0.02)
    offer(FRAME, [pair.connection])

    assert not not_yet
    assert pair.connection.closing


@pytest.mark.warped
async def test_who_fell_behind_once_has_as_long_the_next_time(pair: Pair) -> None:
    stuff(pair.connection)
    await asyncio.sleep(20)
    while pair.connection.unread:
        await pair.read()
        await asyncio.sleep(0)
    stuff(pair.connection)

    await asyncio.sleep(20)
    offer(FRAME, [pair.connection])
    not_yet = pair.connection.closing
    await asyncio.sleep(11)
    offer(FRAME, [pair.connection])

    assert not not_yet
    assert pair.connection.closing


async def test_what_must_not_be_skipped_piles_up_to_a_bound(pair: Pair) -> None:
    stuff(pair.connection)

    pair.connection.send(HUGE)
    pair.connection.send(FRAME)

    assert pair.connection.closing


async def test_a_close_is_the_last_word(pair: Pair) -> None:
    pair.connection.close(4004, "token expired")
    offer(FRAME, [pair.connection])
    pair.connection.send(FRAME)
    pair.connection.close(1001)

    assert await pair.read() == close_frame(4004, "token expired")


async def test_a_close_is_the_last_word_to_who_has_fallen_behind_too(pair: Pair) -> None:
    written = stuff(pair.connection)

    pair.connection.close(4004, "token expired")
    last = close_frame(4004, "token expired")
    read = b""
    while pair.connection.unread:
        read += await pair.read()
        await asyncio.sleep(0)
    offer(FRAME, [pair.connection])
    pair.connection.finish()
    while more := await pair.read():
        read += more

    assert read == FRAME * written + last


async def test_a_peer_that_reads_nothing_is_gone_soon_after_its_close(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.05)
    stuff(pair.connection)

    pair.connection.close(1001, "going away")

    await until_async(lambda: pair.connection.unread == 0, within=1)


async def test_two_unanswered_pings_are_enough(pair: Pair) -> None:
    pair.connection.ping()
    pair.connection.drop_if_silent()
    after_one = pair.connection.closing
    pair.connection.ping()
    pair.connection.drop_if_silent()

    assert not after_one
    assert pair.connection.closing


async def test_who_says_anything_is_there(pair: Pair) -> None:
    pair.connection.ping()
    pair.connection.heard()
    pair.connection.ping()
    pair.connection.drop_if_silent()

    assert not pair.connection.closing


async def test_pings_of_a_peer_that_does_not_read_are_not_answered(pair: Pair) -> None:
    stuff(pair.connection)
    held = pair.connection.unread

    for _ in range(1000):
        pair.connection.pong(b"x" * 125)

    assert pair.connection.unread == held


async def test_a_peer_that_has_gone_is_passed_over_and_stops_nobody(pair: Pair) -> None:
    pair.peer.close()
    stuff(pair.connection)

    offer(FRAME, [pair.connection])
    pair.connection.send(FRAME)
    pair.connection.pong(b"there?")
    pair.connection.close(1001)

    assert pair.connection.closing
    assert pair.connection.last_word is None
