import asyncio

import pytest

from deskwire.protocol.websocket.parser import Binary, FrameParser, Text
from deskwire.protocol.websocket.serializer import close_frame, pong_frame, text_frame
from deskwire.server.net.tcp_transport import MOST_UNSENT
from deskwire.server.websocket.connection import Connection
from deskwire.server.websocket.websocket_protocol import AT_A_STRETCH, WebSocketProtocol
from tests.server.conftest import Pair
from tests.support.waiting import until_async

BYE = b"\x88\x80\0\0\0\0"
PING = b"\x89\x80\0\0\0\0"


def text(size: int) -> bytes:
    """Make a screen's text frame; the key is zero."""
    return b"\x81\xfe" + size.to_bytes(2, "big") + bytes(4) + b"x" * size


class Talk:
    """A conversation that notes what it hears, and answers if it has an answer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.answer = b""
        self.heard: list[int] = []
        self.left = 0
        self.ended = 0

    def hear(self, message: Text | Binary) -> None:
        assert isinstance(message, Text)
        self.heard.append(len(message.text))
        if self.answer:
            self._connection.send(self.answer)

    def leave(self) -> None:
        self.left += 1

    def over(self) -> None:
        self.ended += 1


@pytest.fixture
def talk(pair: Pair) -> Talk:
    talk = Talk(pair.connection)
    pair.stream.set_protocol(
        WebSocketProtocol(pair.stream, FrameParser(1 << 20), pair.connection, talk)
    )
    return talk


async def test_messages_are_heard_in_order(pair: Pair, talk: Talk) -> None:
    pair.peer.send(text(200) + PING + text(300))

    assert await pair.read() == pong_frame(b"")
    assert talk.heard == [200, 300]


async def test_a_message_that_comes_in_pieces_is_heard_once(pair: Pair, talk: Talk) -> None:
    for piece in (text(200)[:3], text(200)[3:90], text(200)[90:]):
        pair.peer.send(piece)
        await asyncio.sleep(0)

    await until_async(lambda: talk.heard == [200])


async def test_a_flood_lets_others_have_their_turn(talk: Talk, pair: Pair) -> None:
    inbox = pair.stream.get_protocol()

    inbox.data_received(text(126) * AT_A_STRETCH * 3)
    heard = [len(talk.heard)]
    reading = [pair.stream.is_reading()]
    for _ in range(2):
        await asyncio.sleep(0)
        heard.append(len(talk.heard))
        reading.append(pair.stream.is_reading())

    assert heard == [AT_A_STRETCH, 2 * AT_A_STRETCH, 3 * AT_A_STRETCH]
    assert reading == [False, False, True]


async def test_who_does_not_take_the_answers_is_not_heard_until_they_are_taken(
    pair: Pair, talk: Talk
) -> None:
    inbox = pair.stream.get_protocol()
    talk.answer = text_frame(b"x" * (MOST_UNSENT + 20_000))

    inbox.data_received(text(126) * 3)
    heard, reading = len(talk.heard), pair.stream.is_reading()
    while len(talk.heard) < 3:
        await pair.read()
        await asyncio.sleep(0)
    while pair.connection.unread:
        await pair.read()
        await asyncio.sleep(0)

    assert (heard, reading) == (1, False)
    assert pair.stream.is_reading()


async def test_a_farewell_is_answered_and_then_the_end(pair: Pair, talk: Talk) -> None:
    pair.peer.send(BYE + text(126))

    assert await pair.read() == close_frame(None)
    assert await pair.read() == b""
    assert talk.heard == []
    assert (talk.left, talk.ended) == (1, 0)
    pair.peer.close()
    await until_async(lambda: talk.ended == 1)


async def test_what_is_no_frame_is_answered_and_what_follows_is_let_pass(
    pair: Pair, talk: Talk
) -> None:
    pair.peer.send(b"\x81\x01x")
    said = await pair.read()
    pair.peer.send(text(126) * 100)

    assert said == close_frame(1002, "unmasked")
    assert await pair.read() == b""
    assert talk.heard == []
    assert not pair.stream.closing


async def test_a_connection_that_is_lost_ends_the_conversation_once(pair: Pair, talk: Talk) -> None:
    pair.peer.close()

    await until_async(lambda: talk.ended)
    assert (talk.left, talk.ended) == (1, 1)
