import asyncio
import errno
import logging
import socket

import pytest

from deskwire.server.net import tcp_transport as module
from deskwire.server.net.tcp_transport import READ_SIZE, TcpTransport
from tests.server.conftest import Pair
from tests.support.waiting import until_async

LARGE = b"x" * 200_000


class RecordingProtocol(asyncio.Protocol):
    """Protocol that records its callbacks."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.received: list[bytes] = []
        self.keep_open_after_eof = False
        self.reason: BaseException | None = None

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.received.append(data)

    def eof_received(self) -> bool:
        self.calls.append("eof")
        return self.keep_open_after_eof

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.calls.append("lost")
        self.reason = exc


@pytest.fixture
def protocol(pair: Pair) -> RecordingProtocol:
    protocol = RecordingProtocol()
    pair.transport.set_protocol(protocol)
    return protocol


async def read_all(pair: Pair) -> bytes:
    """Read to the end."""
    read = b""
    while piece := await pair.read():
        read += piece
        await asyncio.sleep(0)
    return read


async def test_buffered_data_is_sent_later_in_order(pair: Pair) -> None:
    chunks = [b"one", LARGE, b"three"]

    for each in chunks:
        pair.transport.write(each)
    buffered = pair.transport.get_write_buffer_size()
    pair.transport.close()

    assert buffered > len(LARGE) / 2
    assert await read_all(pair) == b"".join(chunks)


async def test_protocol_is_paused_and_resumed_at_the_water_marks(
    pair: Pair, protocol: RecordingProtocol
) -> None:
    pair.transport.write(LARGE)
    pair.transport.write(b"more")
    paused = list(protocol.calls)
    while pair.transport.unsent:
        await pair.read()
        await asyncio.sleep(0)

    assert paused == ["pause"]
    assert protocol.calls == ["pause", "resume"]


async def test_read_is_at_most_one_tls_record_long(pair: Pair, protocol: RecordingProtocol) -> None:
    pair.peer.send(b"x" * (READ_SIZE + 1000))

    await until_async(lambda: sum(map(len, protocol.received)) == READ_SIZE + 1000)
    assert max(map(len, protocol.received)) <= READ_SIZE


async def test_input_waits_while_reading_is_paused(pair: Pair, protocol: RecordingProtocol) -> None:
    pair.transport.pause_reading()
    pair.peer.send(b"data")
    for _ in range(5):
        await asyncio.sleep(0)
    while_paused = list(protocol.received)
    pair.transport.resume_reading()

    await until_async(lambda: protocol.received == [b"data"])
    assert while_paused == []


async def test_input_is_read_after_write_eof(pair: Pair, protocol: RecordingProtocol) -> None:
    pair.transport.write(LARGE)
    pair.transport.write_eof()

    assert await read_all(pair) == LARGE
    pair.peer.send(b"and?")
    await until_async(lambda: protocol.received == [b"and?"])


async def test_peer_eof_closes_the_connection_after_the_buffered_data(
    pair: Pair, protocol: RecordingProtocol
) -> None:
    pair.transport.write(LARGE)
    pair.peer.shutdown(socket.SHUT_WR)

    assert await read_all(pair) == LARGE
    await until_async(lambda: protocol.calls[-1] == "lost")
    assert protocol.calls.index("pause") < protocol.calls.index("eof")


async def test_protocol_may_keep_the_connection_open_after_peer_eof(
    pair: Pair, protocol: RecordingProtocol
) -> None:
    protocol.keep_open_after_eof = True
    pair.peer.shutdown(socket.SHUT_WR)

    await until_async(lambda: protocol.calls == ["eof"])
    pair.transport.write(b"still here")
    assert await pair.read() == b"still here"


async def test_close_delivers_written_data_to_a_peer_that_still_writes() -> None:
    """Over TCP, because a Unix socket has no resets."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = await asyncio.to_thread(socket.create_connection, listening.getsockname())
        ours, _ = listening.accept()
    ours.setblocking(False)
    transport = TcpTransport(ours, "", asyncio.Protocol, lambda _: None)
    transport.start()
    await asyncio.to_thread(peer.sendall, LARGE)

    transport.write(b"response")
    transport.close()
    await asyncio.to_thread(peer.sendall, b"more")
    response = await asyncio.to_thread(peer.recv, 100)
    peer.close()

    assert response == b"response"
    await until_async(lambda: ours.fileno() == -1)


async def test_close_is_bounded_when_the_peer_does_not_read(
    pair: Pair, protocol: RecordingProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.05)
    pair.transport.write(LARGE)

    pair.transport.close()

    await until_async(lambda: "lost" in protocol.calls)
    assert pair.transport.get_write_buffer_size() == 0


async def test_close_is_bounded_when_the_peer_sends_no_eof(
    pair: Pair, protocol: RecordingProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EOF_TIMEOUT", 0.05)

    pair.transport.close()
    received = await pair.read()

    await until_async(lambda: "lost" in protocol.calls)
    assert received == b""


async def test_closed_transport_writes_nothing_and_reports_the_end_once(
    pair: Pair, protocol: RecordingProtocol
) -> None:
    pair.transport.abort()
    pair.transport.write(b"more")
    pair.transport.close()
    pair.transport.abort()
    await asyncio.sleep(0)

    assert await read_all(pair) == b""
    assert protocol.calls == ["lost"]


async def test_write_to_a_disconnected_peer_raises_nothing(
    pair: Pair, protocol: RecordingProtocol
) -> None:
    pair.transport.pause_reading()
    pair.peer.close()

    pair.transport.write(b"one")
    pair.transport.write(b"two")

    assert pair.transport.is_closing()
    await until_async(lambda: protocol.calls == ["lost"])


@pytest.mark.parametrize(
    "number",
    [errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EPIPE,
     errno.ECONNRESET],
    ids=errno.errorcode.get,
)  # fmt: skip
async def test_network_error_is_a_lost_connection(
    pair: Pair, protocol: RecordingProtocol, number: int
) -> None:
    pair.transport.send_failed(OSError(number, "the network failed"))

    await until_async(lambda: protocol.calls == ["lost"])
    assert isinstance(protocol.reason, ConnectionError)


async def test_exception_in_a_protocol_is_logged_and_closes_its_connection(
    pair: Pair,
    protocol: RecordingProtocol,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: bytes) -> None:
        raise LookupError("nothing there")

    monkeypatch.setattr(protocol, "data_received", broken)
    with caplog.at_level(logging.ERROR, "deskwire.http"):
        pair.peer.send(b"data")
        await until_async(lambda: protocol.calls == ["lost"])

    assert "nothing there" in caplog.text
