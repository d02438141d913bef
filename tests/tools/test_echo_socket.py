"""Frames sent to the echo tool, and so to deskwire's own WebSocket server.

The cases are those of the Autobahn test suite, sections 1 to 7, 9 and 10, in its order: framing,
pings, reserved bits, opcodes, fragments, UTF-8, closing, large and many small messages. The suite
itself needs Python 2. Its sections 12 and 13 test compression, which deskwire does not support.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from deskwire.protocol.websocket.parser import unmasked
from tests.support.time_scaling import patiently

TOOL = Path(__file__).with_name("echo_socket.py")
ROOT = TOOL.parent.parent.parent
KEY = b"\x9a\x01\xc3\x5e"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FIN = 0x80

Frame = tuple[int, bytes]
"""A first byte and a payload."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    tool = subprocess.Popen(
        [sys.executable, TOOL, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert tool.stdout is not None
    ready = tool.stdout.readline()
    assert ready.startswith("echo_socket is ready at ws://127.0.0.1:")
    yield int(ready.rsplit(":", 1)[1])
    tool.terminate()
    _, log = tool.communicate(timeout=patiently(5))
    assert (tool.returncode, log) == (0, "")


class Peer:
    """WebSocket client that sends any frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, first: int, payload: bytes = b"") -> None:
        self.writer.write(framed(first, payload))

    async def frame(self) -> Frame:
        first, second = await self.reader.readexactly(2)
        assert not second & 0x80
        if second >= 126:
            second = int.from_bytes(await self.reader.readexactly(2 if second == 126 else 8), "big")
        return first, await self.reader.readexactly(second)

    async def frames(self) -> list[Frame]:
        """Return every frame up to the close, without its reason; EOF must follow."""
        frames: list[Frame] = []
        async with asyncio.timeout(patiently(20)):
            while not frames or frames[-1][0] != FIN | CLOSE:
                frames.append(await self.frame())
            frames[-1] = (frames[-1][0], frames[-1][1][:2])
            async with asyncio.timeout(patiently(1)):
                assert await self.reader.read() == b""
        return frames


@pytest.fixture
def path() -> str:
    return "/"


@pytest.fixture
async def peer(port: int, path: str) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(
        b"GET %s HTTP/1.1\r\n"
        % path.encode()
        + b"Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert b"Extensions" not in head
    yield Peer(reader, writer)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def framed(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 1 << 16:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    return bytes((first,)) + length + KEY + unmasked(payload, KEY)


def closed(code: int | None = None) -> Frame:
    return FIN | CLOSE, b"" if code is None else code.to_bytes(2, "big")


KOSME = "κόσμε-µ@ßöäüàá-𐍈".encode()
ANSWERED: dict[str, tuple[Sequence[Frame], Sequence[Frame]]] = {
    "fragments with nothing in them": (
        [(TEXT, b""), (0, b""), (FIN, b"")],
        [(FIN | TEXT, b"")],
    ),
    "fragments, the middle one alone with something": (
        [(TEXT, b""), (0, b"middle"), (FIN, b"")],
        [(FIN | TEXT, b"middle")],
    ),
    "binary fragments": ([(BINARY, b"\xff"), (FIN, b"\xfe")], [(FIN | BINARY, b"\xff\xfe")]),
    "a ping among fragments": (
        [(TEXT, b"frag"), (FIN | PING, b"here?"), (FIN, b"ment")],
        [(FIN | PONG, b"here?"), (FIN | TEXT, b"fragment")],
    ),
    "a pong nobody asked for": ([(FIN | PONG, b"unasked")], []),
    "an empty pong nobody asked for": ([(FIN | PONG, b"")], []),
    "a pong nobody asked for, then a ping": (
        [(FIN | PONG, b"unasked"), (FIN | PING, b"here?")],
        [(FIN | PONG, b"here?")],
    ),
    "an empty ping": ([(FIN | PING, b"")], [(FIN | PONG, b"")]),
    "a ping of bytes that are no text": (
        [(FIN | PING, b"\0\xff\xfe")],
        [(FIN | PONG, b"\0\xff\xfe")],
    ),
    "fragments with pings among them": (
        [
            *((TEXT, b"one "), (0, b"two "), (FIN | PING, b"1"), (0, b"three ")),
            *((0, b"four "), (FIN | PING, b"2"), (FIN, b"five")),
        ],
        [(FIN | PONG, b"1"), (FIN | PONG, b"2"), (FIN | TEXT, b"one two three four five")],
    ),
    "a text of 64 KiB in frames of 1300": (
        [
            ((0 if at else TEXT) | (FIN if at + 1300 >= 65536 else 0), b"*" * min(1300, 65536 - at))
            for at in range(0, 65536, 1300)
        ],
        [(FIN | TEXT, b"*" * 65536)],
    ),
    "a ping of 125 bytes": ([(FIN | PING, b"\xfe" * 125)], [(FIN | PONG, b"\xfe" * 125)]),
    "ten pings": (
        [(FIN | PING, b"%d" % number) for number in range(10)],
        [(FIN | PONG, b"%d" % number) for number in range(10)],
    ),
    "a character in pieces": (
        [(TEXT, KOSME[:1]), *((0, bytes((byte,))) for byte in KOSME[1:-1]), (FIN, KOSME[-1:])],
        [(FIN | TEXT, KOSME)],
    ),
    **{
        f"text of {size}": ([(FIN | TEXT, b"*" * size)], [(FIN | TEXT, b"*" * size)])
        for size in (0, 1, 125, 126, 127, 128, 65535, 65536, 1 << 20)
    },
    **{
        f"binary of {size}": ([(FIN | BINARY, b"\xfe" * size)], [(FIN | BINARY, b"\xfe" * size)])
        for size in (0, 1, 125, 126, 127, 128, 65535, 65536, 1 << 20)
    },
    **{
        f"the character U+{ord(text):04X}": (
            [(FIN | TEXT, text.encode())],
            [(FIN | TEXT, text.encode())],
        )
        for text in "\0\x7f\x80\u07ff\u0800\ud7ff\ue000\ufdd0\ufffd\uffff\U0001fffe\U0010ffff"
    },
}


@pytest.mark.parametrize("case", ANSWERED)
async def test_valid_messages_are_echoed(peer: Peer, case: str) -> None:
    sent, expected = ANSWERED[case]

    for first, payload in sent:
        peer.send(first, payload)
    peer.send(FIN | CLOSE, b"\x03\xe8bye")

    assert await peer.frames() == [*expected, closed(1000)]


@pytest.mark.parametrize("path", ["/anything", "/some/way/down", "/?agent=x", "/v1/monitor/a/ws"])
async def test_any_path_is_a_websocket(peer: Peer) -> None:
    peer.send(FIN | TEXT, b"hello")

    assert await peer.frame() == (FIN | TEXT, b"hello")


HELLO = (FIN | TEXT, b"hello")
REFUSED: dict[str, tuple[Sequence[Frame], Sequence[Frame]]] = {
    **{
        f"reserved bits {bits}": ([HELLO, (FIN | bits << 4 | TEXT, b"x"), HELLO], [HELLO])
        for bits in range(1, 8)
    },
    **{
        f"a reserved bit on {name}": ([HELLO, (FIN | 0x40 | opcode, b"")], [HELLO])
        for name, opcode in (("a ping", PING), ("a close", CLOSE), ("a binary", BINARY))
    },
    **{
        f"opcode {opcode}": ([HELLO, (FIN | opcode, b""), HELLO], [HELLO])
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    "a ping of 126 bytes": ([(FIN | PING, b"x" * 126)], []),
    "a ping in fragments": ([(PING, b"x"), (FIN, b"x")], []),
    "a pong in fragments": ([(PONG, b"x"), (FIN, b"x")], []),
    "an orphan": ([(FIN, b"x"), HELLO], []),
    "an orphan that is to go on": ([(0, b"x"), (FIN, b"y"), HELLO], []),
    "an orphan, then fragments": ([(FIN, b"x"), (TEXT, b"frag"), (FIN, b"ment")], []),
    "an orphan after a whole message": ([HELLO, (0, b"x"), HELLO], [HELLO]),
    "a text within fragments": ([(TEXT, b"x"), (FIN | TEXT, b"x")], []),
    "a text within empty fragments": ([(TEXT, b""), (FIN | TEXT, b"x")], []),
    "a close of one byte": ([(FIN | CLOSE, b"\x03")], []),
    "a close of 126 bytes": ([(FIN | CLOSE, b"\x03\xe8" + b"x" * 124)], []),
    **{
        f"close {code}": ([(FIN | CLOSE, code.to_bytes(2, "big"))], [])
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize("case", REFUSED)
async def test_invalid_frame_closes_after_the_valid_ones(peer: Peer, case: str) -> None:
    sent, expected = REFUSED[case]

    for first, payload in sent:
        peer.send(first, payload)

    assert await peer.frames() == [*expected, closed(1002)]


def of_which_kuhn_warns() -> Iterator[bytes]:
    """Yield malformed sequences, by Markus Kuhn's UTF-8 decoder stress test, sections 3 to 5."""
    yield from (bytes((0x80 + number,)) for number in range(0, 64, 9))  # continuations alone
    yield from (b"\x80\xbf" * number for number in (1, 2, 3))
    yield from (bytes((first,)) + b" " for first in range(0xC0, 0xFE, 3))  # begun and left alone
    yield from (b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf")
    yield from (b"\xfe", b"\xff", b"\xfe\xfe\xff\xff")  # impossible
    yield from (
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
    )  # overlong
    yield from (b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf", b"\xc0\x80", b"\xe0\x80\x80")
    yield from (bytes((0xED, high, 0x80)) for high in range(0xA0, 0xC0, 5))  # surrogates
    yield from (b"\xed\xa0\x80\xed\xb0\x80", b"\xed\xaf\xbf\xed\xbf\xbf")
    yield from (
        b"\xf4\x90\x80\x80",
        b"\xf7\xbf\xbf\xbf",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
    )


@pytest.mark.parametrize("text", list(of_which_kuhn_warns()), ids=bytes.hex)
async def test_malformed_sequence_closes_the_socket_anywhere(peer: Peer, text: bytes) -> None:
    peer.send(*HELLO)
    peer.send(FIN | TEXT, KOSME + text + b"after")

    assert await peer.frames() == [HELLO, closed(1007)]


@pytest.mark.parametrize(
    "text",
    [
        b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited",
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"\x80",
        b"\xed\xbf\xbf",
        b"\xe2\x82",
        b"\xf0\x28\x8c\xbc",
    ],
)
@pytest.mark.parametrize("by_the_byte", [False, True], ids=["whole", "by the byte"])
async def test_invalid_utf_8_closes_the_socket(peer: Peer, text: bytes, by_the_byte: bool) -> None:
    if by_the_byte:
        peer.send(TEXT, b"")
        for byte in text:
            peer.send(0, bytes((byte,)))
        peer.send(FIN, b"")
    else:
        peer.send(FIN | TEXT, text)

    assert await peer.frames() == [closed(1007)]


async def test_invalid_utf_8_closes_before_its_frame_is_complete(peer: Peer) -> None:
    frame = framed(FIN | TEXT, "κόσμε".encode() + b"\xf4\x90\x80\x80" + b"more")

    peer.writer.write(frame[:-6])

    assert await peer.frames() == [closed(1007)]


@pytest.mark.parametrize(
    "code", [None, *range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999]
)
async def test_close_is_answered_with_its_code_and_is_the_last_frame(
    peer: Peer, code: int | None
) -> None:
    peer.send(*closed(code))
    peer.send(*HELLO)
    peer.send(FIN | PING)

    assert await peer.frames() == [closed(code)]


async def test_frames_after_a_close_are_ignored(peer: Peer) -> None:
    peer.send(TEXT, b"frag")
    peer.send(*closed(1000))
    peer.send(FIN, b"ment")
    peer.send(*closed(1001))

    assert await peer.frames() == [closed(1000)]


async def test_large_message_is_echoed_before_the_close(peer: Peer) -> None:
    large = b"x" * (256 << 10)
    peer.send(FIN | TEXT, large)
    peer.send(*closed(1000))
    peer.send(FIN | PING)

    assert await peer.frames() == [(FIN | TEXT, large), closed(1000)]


async def test_ten_pings_sent_byte_by_byte_are_answered(peer: Peer) -> None:
    for byte in b"".join(framed(FIN | PING, b"%d" % number) for number in range(10)):
        peer.writer.write(bytes((byte,)))
        await asyncio.sleep(0)
    peer.send(*closed(1000))

    assert await peer.frames() == [
        *((FIN | PONG, b"%d" % number) for number in range(10)),
        closed(1000),
    ]


@pytest.mark.parametrize("size", [0, 16, 64, 256, 1024, 4096, 16384])
async def test_thousand_messages_are_echoed_in_order(peer: Peer, size: int) -> None:
    message = (FIN | TEXT, b"*" * size)
    for _ in range(1000):
        peer.send(*message)
        assert await peer.frame() == message
    peer.send(*closed(1000))

    assert await peer.frames() == [closed(1000)]


@pytest.mark.parametrize("piece", [64, 256, 2048])
async def test_message_of_one_mebibyte_in_pieces_is_echoed(peer: Peer, piece: int) -> None:
    large = b"x" * (1 << 20)
    frame = framed(FIN | BINARY, large)
    for at in range(0, len(frame), piece):
        peer.writer.write(frame[at : at + piece])
        await asyncio.sleep(0)
    peer.send(*closed(1000))

    assert await peer.frames() == [(FIN | BINARY, large), closed(1000)]


async def test_close_reason_with_invalid_utf_8_gets_1007(
    peer: Peer,
) -> None:
    peer.send(FIN | CLOSE, b"\x03\xe8" + b"*" * 122 + b"\xff")

    assert await peer.frames() == [closed(1007)]


async def test_message_sent_byte_by_byte_is_echoed(peer: Peer) -> None:
    for byte in framed(FIN | TEXT, KOSME):
        peer.writer.write(bytes((byte,)))
        await asyncio.sleep(0)
    peer.send(*closed(1000))

    assert await peer.frames() == [(FIN | TEXT, KOSME), closed(1000)]


@pytest.mark.parametrize("fragment", [1 << 24, 1 << 20, 4096])
async def test_message_of_16_mib_is_echoed(peer: Peer, fragment: int) -> None:
    message = b"0123456789abcdef" * (1 << 20)

    for at in range(0, len(message), fragment):
        first = (0 if at else BINARY) | (FIN if at + fragment >= len(message) else 0)
        peer.send(first, message[at : at + fragment])
    first, payload = await peer.frame()
    peer.send(*closed(1000))

    assert (first, payload == message) == (FIN | BINARY, True)
    assert await peer.frames() == [closed(1000)]


async def test_large_messages_reach_a_slow_reader(peer: Peer) -> None:
    message = b"x" * 65536

    for _ in range(100):
        peer.send(FIN | BINARY, message)
    await asyncio.sleep(0.5)
    received = [await peer.frame() for _ in range(100)]

    assert received == [(FIN | BINARY, message)] * 100


async def test_message_above_64_mib_is_too_big(peer: Peer) -> None:
    peer.writer.write(bytes((FIN | BINARY, 0xFF)) + ((64 << 20) + 1).to_bytes(8, "big") + KEY)

    assert await peer.frames() == [closed(1009)]
