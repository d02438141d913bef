"""One connection to the sound server: what the default sink is set to, and when that may differ.

Events only say that something changed, so they are one flag and never queue up. Nothing but
questions is ever sent; a server that does not answer is given up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deskwire.devices.sound.address import SoundServers, Unix, parse_servers
from deskwire.devices.sound.packets import (
    COOKIE_BYTES,
    NOTHING,
    VERSION,
    Command,
    Event,
    Failure,
    MalformedPacket,
    Packet,
    PacketParser,
    Sink,
    ValueReader,
    blob,
    encode_packet,
    number,
    parse_server_name,
    parse_sink,
    properties,
    text,
)
from deskwire.model.problems import DeviceUnavailable
from deskwire.model.units import Seconds

CALL_TIMEOUT = Seconds(1.0)
DEFAULT_SINK = "@DEFAULT_SINK@"
"""The server knows which that is."""


class ServerError(Exception):
    """The server answered with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class SoundServer(asyncio.Protocol):
    """One living connection."""

    def __init__(self) -> None:
        self.name = ""
        """Name and version of the server: `pulseaudio`, `PulseAudio (on PipeWire 1.4.2)`."""
        self._transport: asyncio.Transport | None = None
        self._packets = PacketParser()
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._last_tag = 0
        self._changed = asyncio.Event()

    async def handshake(self, cookie: bytes) -> None:
        """Send the client name and subscribe to changes; raises `DeviceUnavailable`."""
        try:
            await self._ask(Command.AUTH, number(VERSION) + blob(cookie))
            await self._ask(Command.SET_CLIENT_NAME, properties({"application.name": "deskwire"}))
            await self._ask(Command.SUBSCRIBE, number(Event.SINK | Event.SERVER))
            self.name = parse_server_name(await self._ask(Command.GET_SERVER_INFO))
        except ServerError as refusal:
            raise DeviceUnavailable(
                f"the sound server refuses access (error {refusal.code})",
                remedy="see that its cookie can be read, or name another in PULSE_SERVER",
            ) from None

    async def default_sink(self, timeout: Seconds = CALL_TIMEOUT) -> Sink | None:
        """Return the sink that sound goes to, or `None`; raises `DeviceUnavailable`."""
        try:
            async with asyncio.timeout(timeout):
                values = await self._ask(
                    Command.GET_SINK_INFO, number(NOTHING) + text(DEFAULT_SINK)
                )
            return parse_sink(values)
        except TimeoutError:
            raise timed_out() from None
        except MalformedPacket:
            raise unknown_protocol() from None
        except ServerError as refusal:
            if refusal.code == Failure.NO_ENTITY:
                return None
            raise unknown_protocol() from None

    async def changed(self) -> None:
        """Wait until sinks or the default changed since the last call; raises when it is gone."""
        await self._changed.wait()
        self._changed.clear()
        if self._transport is None:
            raise disconnected()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    async def _ask(self, command: Command, values: bytes = b"") -> bytes:
        if self._transport is None:
            raise disconnected()
        self._last_tag += 1
        tag = self._last_tag
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[tag] = answer
        self._transport.write(encode_packet(command, tag, values))
        try:
            return await answer
        finally:
            del self._asked[tag]

    # ---- called by the transport ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        try:
            for packet in self._packets.feed(data):
                self._take(packet)
        except MalformedPacket:
            self.close()

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's
        """The connection is gone."""
        self._transport = None
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(disconnected())
        self._changed.set()

    def _take(self, packet: Packet) -> None:
        if packet.command == Command.SUBSCRIBE_EVENT:
            self._changed.set()
            return
        answer = self._asked.get(packet.tag)
        if answer is None or answer.done():
            return
        if packet.command == Command.REPLY:
            answer.set_result(packet.values)
        elif packet.command == Command.ERROR:
            answer.set_exception(ServerError(ValueReader(packet.values).number()))


@asynccontextmanager
async def connected(servers: SoundServers, timeout: Seconds) -> AsyncIterator[SoundServer]:
    """Hold a connection to the first of `servers` that is there; raises `DeviceUnavailable`.

    `timeout` is for being connected and let in.
    """
    cookie = await asyncio.to_thread(read_cookie, servers.cookie)
    server = SoundServer()
    try:
        try:
            async with asyncio.timeout(timeout):
                await connect_to_first(server, servers)
                await server.handshake(cookie)
        except TimeoutError:
            raise timed_out() from None
        except MalformedPacket:
            raise unknown_protocol() from None
        yield server
    finally:
        server.close()


async def connect_to_first(server: SoundServer, servers: SoundServers) -> None:
    """Connect to the first address that accepts a connection; raises `DeviceUnavailable`."""
    loop = asyncio.get_running_loop()
    for place in parse_servers(servers.address):
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


def read_cookie(file: Path | None) -> bytes:
    """Return what a server of another person asks for; zeros where there is none. Blocks."""
    try:
        cookie = b"" if file is None else file.read_bytes()[:COOKIE_BYTES]
    except OSError:
        cookie = b""
    return cookie.ljust(COOKIE_BYTES, b"\0")


def timed_out() -> DeviceUnavailable:
    """Make the problem that says there was no answer in time."""
    return DeviceUnavailable("the sound server does not answer")


def disconnected() -> DeviceUnavailable:
    """Make the problem that says the connection ended."""
    return DeviceUnavailable("the sound server went away")


def unknown_protocol() -> DeviceUnavailable:
    """Make the problem that says what listens there is something else."""
    return DeviceUnavailable("what listens there is no sound server as we know it")
