import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from deskwire.devices.sound.address import SoundServers
from deskwire.devices.sound.packets import (
    ErrorCode,
    Opcode,
    Packet,
    PacketParser,
    Sink,
    boolean,
    encode_packet,
    number,
    text,
    volumes,
)
from deskwire.devices.sound.server import SoundServer, connected, read_cookie
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds
from tests.support.processes import descriptors
from tests.support.time_scaling import patiently
from tests.support.waiting import until_async

SOON = Seconds(patiently(1))
SPEAKERS = Sink(7, "speakers", (1.0, 0.5))

LET_IN = encode_packet(Opcode.REPLY, 1)
Answer = Callable[[Packet], bytes]


def friendly(packet: Packet) -> bytes:
    """Answer as a server that has no sink."""
    if packet.opcode == Opcode.GET_SERVER_INFO:
        return encode_packet(Opcode.REPLY, packet.tag, text("a scripted server"))
    if packet.opcode == Opcode.GET_SINK_INFO:
        return encode_packet(Opcode.ERROR, packet.tag, number(ErrorCode.NO_ENTITY))
    return encode_packet(Opcode.REPLY, packet.tag)


def serving(
    answer: Answer,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        packets = PacketParser()
        while data := await reader.read(1000):
            for packet in packets.feed(data):
                writer.write(answer(packet))
        writer.close()

    return serve


@asynccontextmanager
async def scripted(answer: Answer) -> Any:
    """Hold a connection to a server that answers so."""
    server = await asyncio.start_server(serving(answer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with connected(SoundServers(f"tcp:127.0.0.1:{port}"), SOON) as sound:
            yield sound
    finally:
        server.close()


async def test_handshake_returns_the_name_of_the_server() -> None:
    asked: list[int] = []

    def answer(packet: Packet) -> bytes:
        asked.append(packet.opcode)
        return friendly(packet)

    async with scripted(answer) as sound:
        name = sound.name

    assert name == "a scripted server"
    assert asked == [
        Opcode.AUTH,
        Opcode.SET_CLIENT_NAME,
        Opcode.SUBSCRIBE,
        Opcode.GET_SERVER_INFO,
    ]


async def test_server_without_a_sink_has_no_default() -> None:
    async with scripted(friendly) as sound:
        assert await sound.default_sink(SOON) is None


async def test_several_events_count_as_one_change() -> None:
    event = encode_packet(Opcode.SUBSCRIBE_EVENT, 0xFFFF_FFFF, number(0x10) + number(3))

    async with scripted(lambda packet: event * 5 + friendly(packet)) as sound:
        await sound.default_sink(SOON)
        await asyncio.wait_for(sound.changed(), SOON)
        again = asyncio.ensure_future(sound.changed())
        await asyncio.sleep(0)
        once = not again.done()
        again.cancel()

    assert once


async def test_reply_without_a_call_and_unknown_packet_are_ignored() -> None:
    noise = encode_packet(Opcode.REPLY, 99) + encode_packet(Opcode.AUTH, 1)

    async with scripted(lambda packet: noise + friendly(packet)) as sound:
        assert await sound.default_sink(SOON) is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"\xff" * 40, "went away"),
        (LET_IN + encode_packet(Opcode.ERROR, 2, number(1)), "refuses access"),
        (
            b"".join(encode_packet(Opcode.REPLY, tag, b"?") for tag in range(5)),
            "is no sound server",
        ),
    ],
    ids=["no packets", "refused", "no values"],
)
async def test_server_with_another_protocol_is_unavailable(said: bytes, why: str) -> None:
    with pytest.raises(DeviceUnavailable, match=why):
        async with scripted(lambda _: said):
            pass


async def test_malformed_sink_is_unavailable() -> None:
    def answer(packet: Packet) -> bytes:
        if packet.opcode == Opcode.GET_SINK_INFO:
            return encode_packet(Opcode.REPLY, packet.tag, b"?")
        return friendly(packet)

    async with scripted(answer) as sound:
        with pytest.raises(DeviceUnavailable, match="is no sound server"):
            await sound.default_sink(SOON)


async def test_change_is_sent_with_the_index_of_its_sink() -> None:
    asked: list[Packet] = []

    def answer(packet: Packet) -> bytes:
        asked.append(packet)
        return friendly(packet)

    async with scripted(answer) as sound:
        await sound.set_volume(SPEAKERS, [0.5, 0.25])
        await sound.set_mute(SPEAKERS, muted=True)

    assert [(packet.opcode, packet.values) for packet in asked[-2:]] == [
        (Opcode.SET_SINK_VOLUME, number(7) + text(None) + volumes([0.5, 0.25])),
        (Opcode.SET_SINK_MUTE, number(7) + text(None) + boolean(True)),
    ]


async def test_refused_change_is_unavailable_and_keeps_the_connection() -> None:
    def answer(packet: Packet) -> bytes:
        if packet.opcode == Opcode.SET_SINK_MUTE:
            return encode_packet(Opcode.ERROR, packet.tag, number(ErrorCode.ACCESS))
        return friendly(packet)

    async with scripted(answer) as sound:
        with pytest.raises(DeviceUnavailable, match=r"refuses to change speakers \(error 1\)"):
            await sound.set_mute(SPEAKERS, muted=False)

        assert await sound.default_sink(SOON) is None


async def test_change_without_a_reply_times_out() -> None:
    def answer(packet: Packet) -> bytes:
        return b"" if packet.opcode == Opcode.SET_SINK_VOLUME else friendly(packet)

    async with scripted(answer) as sound:
        with pytest.raises(DeviceUnavailable, match="does not answer"):
            await sound.set_volume(SPEAKERS, [1.0])


@pytest.mark.parametrize(
    "said",
    [None, b"", b"\xff" * 40, LET_IN + encode_packet(Opcode.ERROR, 2, number(1))],
    ids=["nobody there", "hung", "no packets", "refused"],
)
async def test_failed_connection_leaves_no_descriptor_open(said: bytes | None) -> None:
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


async def test_late_reply_is_ignored() -> None:
    late: list[Packet] = []

    def answer(packet: Packet) -> bytes:
        if packet.opcode != Opcode.GET_SINK_INFO:
            return friendly(packet)
        late.append(packet)
        return b"" if len(late) == 1 else b"".join(map(friendly, late))

    async with scripted(answer) as sound:
        with pytest.raises(DeviceUnavailable, match="does not answer"):
            await sound.default_sink(Seconds(0.01))

        assert await sound.default_sink(SOON) is None


async def test_call_on_a_lost_connection_is_unavailable() -> None:
    sound = SoundServer()
    asking: Awaitable[Any] = sound.default_sink(SOON)

    with pytest.raises(DeviceUnavailable, match="went away"):
        await asking


def test_unreadable_cookie_is_zeros(tmp_path: Any) -> None:
    (tmp_path / "cookie").write_bytes(b"c" * 300)

    assert read_cookie(tmp_path / "cookie") == b"c" * 256
    assert read_cookie(tmp_path / "none") == bytes(256)
    assert read_cookie(None) == bytes(256)


async def test_server_and_cookie_are_looked_up_before_each_connection(tmp_path: Any) -> None:
    cookies: list[bytes] = []

    def answer(packet: Packet) -> bytes:
        if packet.opcode == Opcode.AUTH:
            cookies.append(packet.values[-256:-255])
        return friendly(packet)

    present = {"servers": SoundServers(f"unix:{tmp_path}/absent", tmp_path / "cookie")}
    with pytest.raises(DeviceUnavailable, match="no sound server"):
        async with connected(lambda: present["servers"], SOON):
            pytest.fail("there is no server yet")
    for place in ("first", "second"):
        listening = await asyncio.start_unix_server(serving(answer), tmp_path / place)
        cookie = tmp_path / f"{place}.cookie"
        present["servers"] = SoundServers(f"unix:{tmp_path}/{place}", cookie)
        cookie.write_bytes(place.encode())
        async with connected(lambda: present["servers"], SOON) as sound:
            assert sound.name == "a scripted server"
        listening.close()

    assert cookies == [b"f", b"s"]
