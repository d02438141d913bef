"""Packets of PulseAudio's native protocol, and the values in them.

A packet is a header of five numbers and a payload. The payload is an opcode, a tag that the reply
repeats, and values, each after a letter that names its type. All numbers are big-endian. This
module has only the part that the volume needs, in version 13, the oldest version with that layout.
PulseAudio and PipeWire support every version from 8 on.

Source: PulseAudio's src/pulsecore/{pstream,tagstruct,native-common}.h and PROTOCOL.
"""

import struct
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from msgspec import Struct

VERSION = 13
"""The bits above it offer shared memory: none."""
INVALID_INDEX = 0xFFFF_FFFF
"""Index of no object, for a request that names its object."""
CONTROL = INVALID_INDEX
"""Channel of the control packets; the others carry audio."""
HEADER = struct.Struct(">IIIII")
MAX_PAYLOAD = 1 << 20
"""Bytes; far more than the description of a sink takes."""
NORMAL = 0x10000
"""A volume of 100 %."""
COOKIE_BYTES = 256

_NUMBER = struct.Struct(">I")


class Opcode(IntEnum):
    """Type of a packet, PA_COMMAND_* in PulseAudio."""

    ERROR = 0
    REPLY = 2
    AUTH = 8
    SET_CLIENT_NAME = 9
    GET_SERVER_INFO = 20
    GET_SINK_INFO = 21
    SUBSCRIBE = 35
    SET_SINK_VOLUME = 36
    SET_SINK_MUTE = 39
    SUBSCRIBE_EVENT = 66


class Events(IntEnum):
    """Events that a client may subscribe to."""

    SINK = 0x01
    SERVER = 0x80


class ErrorCode(IntEnum):
    """Reasons for an error."""

    ACCESS = 1
    NO_ENTITY = 5


class MalformedPacket(Exception):
    """The received data does not follow the protocol."""


class Packet(NamedTuple):
    """One packet of the control channel."""

    opcode: int
    tag: int
    values: bytes


class Sink(Struct, frozen=True):
    """An output for sound."""

    index: int
    name: str
    channels: tuple[float, ...]
    """Volume of each channel, 1.0 is 100 %."""
    muted: bool = False


# ---- writing -------------------------------------------------------------------------------------


def encode_packet(opcode: Opcode, tag: int, values: bytes = b"") -> bytes:
    """Return a whole packet."""
    payload = number(opcode) + number(tag) + values
    return HEADER.pack(len(payload), CONTROL, 0, 0, 0) + payload


def number(value: int) -> bytes:
    """Return an encoded number of 32 bits."""
    return b"L" + _NUMBER.pack(value)


def boolean(value: bool) -> bytes:
    """Return an encoded truth value."""
    return b"1" if value else b"0"


def text(value: str | None) -> bytes:
    """Return an encoded string; `None` is the protocol's null string."""
    return b"N" if value is None else b"t" + value.encode() + b"\0"


def blob(value: bytes) -> bytes:
    """Return encoded bytes."""
    return b"x" + _NUMBER.pack(len(value)) + value


def volumes(channels: Iterable[float]) -> bytes:
    """Return the encoded volumes of all channels."""
    raw = [_NUMBER.pack(round(volume * NORMAL)) for volume in channels]
    return b"v" + bytes([len(raw)]) + b"".join(raw)


def properties(values: Mapping[str, str]) -> bytes:
    """Return an encoded property list."""
    pairs = [(text(name), value.encode() + b"\0") for name, value in values.items()]
    return b"P" + b"".join(name + number(len(it)) + blob(it) for name, it in pairs) + b"N"


# ---- reading -------------------------------------------------------------------------------------


class PacketParser:
    """Incremental parser of the packets in a byte stream."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """Parse the next bytes and return the packets that they complete.

        Skips audio packets, and those about shared memory, which have flags. Raises
        `MalformedPacket`.
        """
        self._buffer += data
        found = []
        while len(self._buffer) >= HEADER.size:
            length, channel, _, _, flags = HEADER.unpack_from(self._buffer)
            if length > MAX_PAYLOAD:
                raise MalformedPacket
            if len(self._buffer) < HEADER.size + length:
                break
            payload = bytes(self._buffer[HEADER.size : HEADER.size + length])
            del self._buffer[: HEADER.size + length]
            if channel == CONTROL and not flags:
                values = ValueReader(payload)
                found.append(Packet(values.number(), values.number(), values.rest()))
        return found


class ValueReader:
    """Reader of the values in a packet; a value of another type raises `MalformedPacket`."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    def number(self) -> int:
        """Read a number of 32 bits."""
        self._expect(b"L")
        return self._number()

    def text(self) -> str:
        """Read a string; the null string is read as an empty one."""
        if self._payload[self._at : self._at + 1] == b"N":
            self._at += 1
            return ""
        self._expect(b"t")
        end = self._payload.find(b"\0", self._at)
        if end < 0:
            raise MalformedPacket
        found = self._payload[self._at : end]
        self._at = end + 1
        return found.decode(errors="replace")

    def boolean(self) -> bool:
        """Read a truth value."""
        found = self._take(1)
        if found not in {b"1", b"0"}:
            raise MalformedPacket
        return found == b"1"

    def volumes(self) -> tuple[float, ...]:
        """Read the volume of each channel."""
        self._expect(b"v")
        return tuple(self._number() / NORMAL for _ in range(self._take(1)[0]))

    def skip_sample_format(self) -> None:
        """Skip a sample format."""
        self._expect(b"a")
        self._take(6)

    def skip_channels(self) -> None:
        """Skip a channel map."""
        self._expect(b"m")
        self._take(self._take(1)[0])

    def rest(self) -> bytes:
        """Return the unread bytes."""
        return self._payload[self._at :]

    def _expect(self, letter: bytes) -> None:
        if self._take(1) != letter:
            raise MalformedPacket

    def _number(self) -> int:
        found: int = _NUMBER.unpack(self._take(4))[0]
        return found

    def _take(self, size: int) -> bytes:
        piece = self._payload[self._at : self._at + size]
        if len(piece) < size:
            raise MalformedPacket
        self._at += size
        return piece


def parse_sink(values: bytes) -> Sink:
    """Read a sink from the reply to GET_SINK_INFO."""
    reader = ValueReader(values)
    index = reader.number()
    name = reader.text()
    reader.text()  # description
    reader.skip_sample_format()
    reader.skip_channels()
    reader.number()  # owner module
    return Sink(index, name, reader.volumes(), reader.boolean())


def parse_server_name(values: bytes) -> str:
    """Read the server's name from the reply to GET_SERVER_INFO."""
    return ValueReader(values).text()
