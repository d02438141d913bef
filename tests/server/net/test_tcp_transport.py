import asyncio
import logging
import socket

import pytest

from deskwire.server.net import tcp_transport as module
from deskwire.server.net.tcp_transport import READ, TcpTransport
from tests.server.conftest import Pair
from tests.support.waiting import until_async

MUCH = b"x" * 200_000


class Notes(asyncio.Protocol):
    """A protocol that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.received: list[bytes] = []
        self.stays_after_end = False

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        self.received.append(data)

    def eof_received(self) -> bool:
        self.told.append("end")
        return self.stays_after_end

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, _: BaseException | None) -> None:
        self.told.append("lost")


@pytest.fixture
def notes(pair: Pair) -> Notes:
    notes = Notes()
    pair.stream.set_protocol(notes)
    return notes


async def drained(pair: Pair) -> bytes:
    """Read to the end."""
    read = b""
    while piece := await pair.read():
        read += piece
        await asyncio.sleep(0)
    return read


async def test_what_the_kernel_does_not_take_leaves_later_and_in_order(pair: Pair) -> None:
    said = [b"one", MUCH, b"three"]

    for each in said:
        pair.stream.write(each)
    held = pair.stream.get_write_buffer_size()
    pair.stream.close()

    assert held > len(MUCH) / 2
    assert await drained(pair) == b"".join(said)


async def test_a_writer_is_asked_to_pause_and_to_go_on(pair: Pair, notes: Notes) -> None:
    pair.stream.write(MUCH)
    pair.stream.write(b"more")
    paused = list(notes.told)
    while pair.stream.unsent:
        await pair.read()
        await asyncio.sleep(0)

    assert paused == ["pause"]
    assert notes.told == ["pause", "resume"]


async def test_a_read_is_no_longer_than_a_record(pair: Pair, notes: Notes) -> None:
    pair.peer.send(b"x" * (READ + 1000))

    await until_async(lambda: sum(map(len, notes.received)) == READ + 1000)
    assert max(map(len, notes.received)) <= READ


async def test_what_comes_waits_while_reading_is_paused(pair: Pair, notes: Notes) -> None:
    pair.stream.pause_reading()
    pair.peer.send(b"said")
    for _ in range(5):
        await asyncio.sleep(0)
    while_paused = list(notes.received)
    pair.stream.resume_reading()

    await until_async(lambda: notes.received == [b"said"])
    assert while_paused == []


async def test_after_the_end_is_shown_the_peer_is_still_heard(pair: Pair, notes: Notes) -> None:
    pair.stream.write(MUCH)
    pair.stream.write_eof()

    assert await drained(pair) == MUCH
    pair.peer.send(b"and?")
    await until_async(lambda: notes.received == [b"and?"])


async def test_a_peer_that_ends_is_answered_and_gone(pair: Pair, notes: Notes) -> None:
    pair.stream.write(MUCH)
    pair.peer.shutdown(socket.SHUT_WR)

    assert await drained(pair) == MUCH
    await until_async(lambda: notes.told[-1] == "lost")
    assert notes.told.index("pause") < notes.told.index("end")


async def test_a_protocol_may_stay_after_the_peer_has_ended(pair: Pair, notes: Notes) -> None:
    notes.stays_after_end = True
    pair.peer.shutdown(socket.SHUT_WR)

    await until_async(lambda: notes.told == ["end"])
    pair.stream.write(b"still here")
    assert await pair.read() == b"still here"


async def test_closing_does_not_take_back_what_was_written_from_who_still_writes() -> None:
    """A reset would; so this is over TCP, where there are resets."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = await asyncio.to_thread(socket.create_connection, listening.getsockname())
        ours, _ = listening.accept()
    ours.setblocking(False)
    stream = TcpTransport(ours, "", asyncio.Protocol, lambda _: None)
    stream.start()
    await asyncio.to_thread(peer.sendall, MUCH)

    stream.write(b"answer")
    stream.close()
    await asyncio.to_thread(peer.sendall, b"more")
    answer = await asyncio.to_thread(peer.recv, 100)
    peer.close()

    assert answer == b"answer"
    await until_async(lambda: ours.fileno() == -1)


async def test_a_close_is_over_within_a_bound_though_the_peer_reads_nothing(
    pair: Pair, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_WITHIN", 0.05)
    pair.stream.write(MUCH)

    pair.stream.close()

    await until_async(lambda: "lost" in notes.told)
    assert pair.stream.get_write_buffer_size() == 0


async def test_a_close_is_over_within_a_bound_though_the_peer_never_ends(
    pair: Pair, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FAREWELL_WITHIN", 0.05)

    pair.stream.close()
    said = await pair.read()

    await until_async(lambda: "lost" in notes.told)
    assert said == b""


async def test_after_a_close_nothing_is_written_and_the_end_is_told_once(
    pair: Pair, notes: Notes
) -> None:
    pair.stream.abort()
    pair.stream.write(b"more")
    pair.stream.close()
    pair.stream.abort()
    await asyncio.sleep(0)

    assert await drained(pair) == b""
    assert notes.told == ["lost"]


async def test_a_peer_that_has_gone_is_told_of_and_raises_nothing(pair: Pair, notes: Notes) -> None:
    pair.stream.pause_reading()
    pair.peer.close()

    pair.stream.write(b"one")
    pair.stream.write(b"two")

    assert pair.stream.is_closing()
    await until_async(lambda: notes.told == ["lost"])


async def test_a_bug_of_a_reader_costs_its_connection_and_is_in_the_log(
    pair: Pair, notes: Notes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: bytes) -> None:
        raise LookupError("nothing there")

    monkeypatch.setattr(notes, "data_received", broken)
    with caplog.at_level(logging.ERROR, "deskwire.http"):
        pair.peer.send(b"said")
        await until_async(lambda: notes.told == ["lost"])

    assert "nothing there" in caplog.text
