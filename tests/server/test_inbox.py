import asyncio

from deskwire.protocol.unframing import FrameReader, Ping, Text
from deskwire.server.inbox import AT_A_STRETCH, MOST_BYTES, Inbox


class Flow:
    """A connection that notes whether it may be read."""

    def __init__(self) -> None:
        self.reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def text(size: int) -> bytes:
    """Make a screen's text frame; the key is zero."""
    return b"\x81\xfe" + size.to_bytes(2, "big") + bytes(4) + b"x" * size


PING = b"\x89\x80\0\0\0\0"


async def test_messages_come_in_order_and_then_the_end() -> None:
    inbox = Inbox(Flow(), FrameReader(1000))

    inbox.feed_data(text(200) + PING)
    inbox.feed_eof()

    assert [await inbox.next() for _ in range(3)] == [Text("x" * 200), Ping(b""), None]


async def test_who_listens_is_woken() -> None:
    inbox = Inbox(Flow(), FrameReader(1000))
    listening = asyncio.create_task(inbox.next())
    await asyncio.sleep(0)

    inbox.feed_data(PING)

    assert await listening == Ping(b"")


async def test_nothing_is_read_on_while_too_much_is_unheard() -> None:
    flow = Flow()
    inbox = Inbox(flow, FrameReader(MOST_BYTES))

    inbox.feed_data(text(60_000))
    after_one = flow.reading
    inbox.feed_data(text(60_000))
    after_two = flow.reading
    await inbox.next()
    await inbox.next()

    assert (after_one, after_two, flow.reading) == (True, False, True)


async def test_a_flood_lets_others_have_their_turn() -> None:
    inbox = Inbox(Flow(), FrameReader(1000))
    inbox.feed_data(PING * AT_A_STRETCH * 3)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    for _ in range(AT_A_STRETCH * 3):
        await inbox.next()
    beside.cancel()

    assert turns == 3


async def test_after_the_last_word_nothing_is_read() -> None:
    inbox = Inbox(Flow(), FrameReader(1000))

    assert inbox.feed_data(PING) == (False, b"")
    assert inbox.feed_data(b"\x88\x80\0\0\0\0") == (True, b"")
