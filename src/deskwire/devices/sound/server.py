"""Connection to the sound server: reads and sets the default sink, and reports changes.

Events only say that something changed, so they set one flag and never queue up. Every call is
bounded in time. A late reply to a call that timed out is ignored.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from deskwire.devices.sound.address import FindServers, SoundServers, Unix, parse_servers
from deskwire.devices.sound.packets import (
    COOKIE_BYTES,
    INVALID_INDEX,
    VERSION,
    ErrorCode,
    Events,
    MalformedPacket,
    Opcode,
    Packet,
    PacketParser,
    Sink,
    ValueReader,
    blob,
    boolean,
    encode_packet,
    number,
    parse_server_name,
    parse_sink,
    properties,
    text,
    volumes,
)
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds

CALL_TIMEOUT = Seconds(1.0)
DEFAULT_SINK = "@DEFAULT_SINK@"
"""Name that the server resolves to the default sink."""


class ServerError(Exception):
    """The server answered with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class SoundServer(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.name = ""
        """Name and version of the server: `pulseaudio`, `PulseAudio (on PipeWire 1.4.2)`."""
        self._transport: asyncio.Transport | None = None
        self._packets = PacketParser()
        self._pending: dict[int, asyncio.Future[bytes]] = {}
        self._last_tag = 0
        self._changed = asyncio.Event()

    async def handshake(self, cookie: bytes) -> None:
        """Authenticate and subscribe to changes; raises `DeviceUnavailable`."""
        try:
            await self._call(Opcode.AUTH, number(VERSION) + blob(cookie))
            await self._call(Opcode.SET_CLIENT_NAME, properties({"application.name": "deskwire"}))
            await self._call(Opcode.SUBSCRIBE, number(Events.SINK | Events.SERVER))
            self.name = parse_server_name(await self._call(Opcode.GET_SERVER_INFO))
        except ServerError as error:
            raise DeviceUnavailable(
                f"the sound server refuses access (error {error.code})",
                remedy="make its cookie file readable, or set PULSE_SERVER to another server",
            ) from None

    async def default_sink(self, timeout: Seconds = CALL_TIMEOUT) -> Sink | None:
        """Return the default sink, or `None` if there is none; raises `DeviceUnavailable`."""
        request = number(INVALID_INDEX) + text(DEFAULT_SINK)
        try:
            return parse_sink(await self._call(Opcode.GET_SINK_INFO, request, timeout))
        except MalformedPacket:
            raise unknown_protocol() from None
        except ServerError as error:
            if error.code == ErrorCode.NO_ENTITY:
                return None
            raise unknown_protocol() from None

    async def set_volume(self, sink: Sink, channels: Iterable[float]) -> None:
        """Set the volume of each channel, 1.0 is 100 %; raises `DeviceUnavailable`."""
        await self._set(Opcode.SET_SINK_VOLUME, sink, volumes(channels))

    async def set_mute(self, sink: Sink, *, muted: bool) -> None:
        """Mute a sink or restore its sound; raises `DeviceUnavailable`."""
        await self._set(Opcode.SET_SINK_MUTE, sink, boolean(muted))

    async def changed(self) -> None:
        """Wait for a change of a sink or of the default since the last call.

        Raises `DeviceUnavailable` if the connection ends.
        """
        await self._changed.wait()
        self._changed.clear()
        if self._transport is None:
            raise disconnected()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    async def _set(self, opcode: Opcode, sink: Sink, value: bytes) -> None:
        try:
            await self._call(opcode, number(sink.index) + text(None) + value)
        except ServerError as error:
            raise DeviceUnavailable(
                f"the sound server refuses to change {sink.name} (error {error.code})"
            ) from None

    async def _call(
        self, opcode: Opcode, values: bytes = b"", timeout: Seconds = CALL_TIMEOUT
    ) -> bytes:
        if self._transport is None:
            raise disconnected()
        self._last_tag += 1
        tag = self._last_tag
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pending[tag] = reply
        self._transport.write(encode_packet(opcode, tag, values))
        try:
            async with asyncio.timeout(timeout):
                return await reply
        except TimeoutError:
            raise timed_out() from None
        finally:
            del self._pending[tag]

    # ---- called by the transport -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse packets; malformed data ends the connection."""
        try:
            for packet in self._packets.feed(data):
                self._receive(packet)
        except MalformedPacket:
            self.close()

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's
        """Fail the pending calls and wake the watch."""
        self._transport = None
        for reply in self._pending.values():
            if not reply.done():
                reply.set_exception(disconnected())
        self._changed.set()

    def _receive(self, packet: Packet) -> None:
        if packet.opcode == Opcode.SUBSCRIBE_EVENT:
            self._changed.set()
            return
        reply = self._pending.get(packet.tag)
        if reply is None or reply.done():
            return
        if packet.opcode == Opcode.REPLY:
            reply.set_result(packet.values)
        elif packet.opcode == Opcode.ERROR:
            reply.set_exception(ServerError(ValueReader(packet.values).number()))


@asynccontextmanager
async def connected(
    servers: SoundServers | FindServers, timeout: Seconds
) -> AsyncIterator[SoundServer]:
    """Open a connection to the first of `servers` that accepts one; raises `DeviceUnavailable`.

    `timeout` covers the look-up, the connection and the handshake.
    """
    server = SoundServer()
    try:
        try:
            async with asyncio.timeout(timeout):
                address, cookie = await asyncio.to_thread(look_up, servers)
                await connect_to_first(server, address)
                await server.handshake(cookie)
        except TimeoutError:
            raise timed_out() from None
        except MalformedPacket:
            raise unknown_protocol() from None
        yield server
    finally:
        server.close()


async def connect_to_first(server: SoundServer, address: str) -> None:
    """Connect to the first address that accepts a connection; raises `DeviceUnavailable`."""
    loop = asyncio.get_running_loop()
    for place in parse_servers(address):
        try:
            if isinstance(place, Unix):
                await loop.create_unix_connection(lambda: server, place.path)
            else:
                await loop.create_connection(lambda: server, place.host, place.port)
        except OSError:
            continue
        return
    raise DeviceUnavailable(
        "there is no sound server", remedy="start pipewire-pulse or pulseaudio"
    ) from None


def look_up(servers: SoundServers | FindServers) -> tuple[str, bytes]:
    """Return the present list of addresses, and the cookie for them. Blocks."""
    found = servers() if callable(servers) else servers
    return found.address, read_cookie(found.cookie)


def read_cookie(file: Path | None) -> bytes:
    """Return the cookie that authenticates at a server of another user, or zeros. Blocks."""
    try:
        cookie = b"" if file is None else file.read_bytes()[:COOKIE_BYTES]
    except OSError:
        cookie = b""
    return cookie.ljust(COOKIE_BYTES, b"\0")


def timed_out() -> DeviceUnavailable:
    """Return the problem of a call without a reply in time."""
    return DeviceUnavailable("the sound server does not answer")


def disconnected() -> DeviceUnavailable:
    """Return the problem of a lost connection."""
    return DeviceUnavailable("the sound server went away")


def unknown_protocol() -> DeviceUnavailable:
    """Return the problem of a server that speaks another protocol."""
    return DeviceUnavailable("the server at this address is no sound server")
