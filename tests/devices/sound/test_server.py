import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from deskwire.devices.sound.address import SoundServers
from deskwire.devices.sound.packets import (
    Command,
    Failure,
    Packet,
    PacketParser,
    encode_packet,
    number,
    text,
)
from deskwire.devices.sound.server import SoundServer, connected, read_cookie
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds
from tests.support.time_scaling import patiently
from tests.support.usage import descriptors
from tests.support.waiting import until_async

SOON = Seconds(patiently(1))

LET_IN = encode_packet(Command.REPLY, 1)
Answer = Callable[[Packet], bytes]


def friendly(packet: Packet) -> bytes:
    """Answer as a server that has no sink."""
    if packet.command == Command.GET_SERVER_INFO:
        return encode_packet(Command.REPLY, packet.tag, text("a scripted server"))
    if packet.command == Command.GET_SINK_INFO:
        return encode_packet(Command.ERROR, packet.tag, number(Failure.NO_ENTITY))
    return encode_packet(Command.REPLY, packet.tag)


@asynccontextmanager
async def scripted(answer: Answer) -> Any:
    """Hold a connection to a server that answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        packets = PacketParser()
        while data := await reader.read(1000):
            for packet in packets.feed(data):
                writer.write(answer(packet))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with connected(SoundServers(f"tcp:127.0.0.1:{port}"), SOON) as sound:
            yield sound
    finally:
        server.close()


async def test_a_server_is_greeted_and_says_its_name() -> None:
    asked: list[int] = []

    def answer(packet: Packet) -> bytes:
        asked.append(packet.command)
        return friendly(packet)

    async with scripted(answer) as sound:
        name = sound.name

    assert name == "a scripted server"
    assert asked == [
        Command.AUTH,
        Command.SET_CLIENT_NAME,
        Command.SUBSCRIBE,
        Command.GET_SERVER_INFO,
    ]


async def test_a_server_without_a_sink_has_none() -> None:
    async with scripted(friendly) as sound:
        assert await sound.default_sink(SOON) is None


async def test_many_events_are_one_change() -> None:
    event = encode_packet(Command.SUBSCRIBE_EVENT, 0xFFFF_FFFF, number(0x10) + number(3))

    async with scripted(lambda packet: event * 5 + friendly(packet)) as sound:
        await sound.default_sink(SOON)
        await asyncio.wait_for(sound.changed(), SOON)
        again = asyncio.ensure_future(sound.changed())
        await asyncio.sleep(0)
        once = not again.done()
        again.cancel()

    assert once


async def test_an_answer_to_nothing_and_an_unknown_packet_are_passed_over() -> None:
    noise = encode_packet(Command.REPLY, 99) + encode_packet(Command.AUTH, 1)

    async with scripted(lambda packet: noise + friendly(packet)) as sound:
        assert await sound.default_sink(SOON) is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"\xff" * 40, "went away"),
        (LET_IN + encode_packet(Command.ERROR, 2, number(1)), "refuses access"),
        (b"".join(encode_packet(Command.REPLY, tag, b"?") for tag in range(5)), "as we know it"),
    ],
    ids=["no packets", "refused", "no values"],
)
async def test_a_server_that_talks_otherwise_is_unavailable(said: bytes, why: str) -> None:
    with pytest.raises(DeviceUnavailable, match=why):
        async with scripted(lambda _: said):
            pass


async def test_malformed_sink_is_unavailable() -> None:
    def answer(packet: Packet) -> bytes:
        if packet.command == Command.GET_SINK_INFO:
            return encode_packet(Command.REPLY, packet.tag, b"?")
        return friendly(packet)

    async with scripted(answer) as sound:
        with pytest.raises(DeviceUnavailable, match="as we know it"):
            await sound.default_sink(SOON)


@pytest.mark.parametrize(
    "said",
    [None, b"", b"\xff" * 40, LET_IN + encode_packet(Command.ERROR, 2, number(1))],
    ids=["nobody there", "hung", "no packets", "refused"],
)
async def test_a_server_that_is_given_up_leaves_nothing_open(said: bytes | None) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if said:
            writer.write(said)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if said is None:
        server.close()
    before = descriptors(os.getpid())
    for _ in range(3):
        with pytest.raises(DeviceUnavailable):
            async with connected(SoundServers(f"tcp:127.0.0.1:{port}"), Seconds(0.05)):
                pass
    await until_async(lambda: descriptors(os.getpid()) <= before or None)
    server.close()


async def test_an_answer_that_comes_too_late_is_nobodys() -> None:
    late: list[Packet] = []

    def answer(packet: Packet) -> bytes:
        if packet.command != Command.GET_SINK_INFO:
            return friendly(packet)
        late.append(packet)
        return b"" if len(late) == 1 else b"".join(map(friendly, late))

    async with scripted(answer) as sound:
        with pytest.raises(DeviceUnavailable, match="does not answer"):
            await sound.default_sink(Seconds(0.01))

        assert await sound.default_sink(SOON) is None


async def test_nothing_is_asked_of_a_server_that_went() -> None:
    sound = SoundServer()
    asking: Awaitable[Any] = sound.default_sink(SOON)

    with pytest.raises(DeviceUnavailable, match="went away"):
        await asking


def test_a_cookie_that_cannot_be_read_is_zeros(tmp_path: Any) -> None:
    (tmp_path / "cookie").write_bytes(b"c" * 300)

    assert read_cookie(tmp_path / "cookie") == b"c" * 256
    assert read_cookie(tmp_path / "none") == bytes(256)
    assert read_cookie(None) == bytes(256)
