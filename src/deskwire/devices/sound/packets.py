"""PulseAudio's native protocol: packets, and the values in them.

A packet is a head of five numbers and a payload; the payload is a command, the tag that its reply
will bear, and values, each with a letter that says what it is. All numbers are big-endian. Of the
protocol only what tells a volume is here, in version 13, the oldest that says it so; PulseAudio and
PipeWire speak to every version from 8 on.

Source: PulseAudio's src/pulsecore/{pstream,tagstruct,native-common}.h and PROTOCOL.
"""

import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

VERSION = 13
"""The bits above say what memory may be shared: none."""
NOTHING = 0xFFFF_FFFF
"""An index of nothing, and the tag of what is no reply."""
CONTROL = NOTHING
"""The channel that is no sound."""
HEAD = struct.Struct(">IIIII")
LARGEST = 1 << 20
"""No description of a sink is as long."""
NORMAL = 0x10000
"""A volume of 100 %."""
COOKIE_BYTES = 256

_NUMBER = struct.Struct(">I")


class Command(IntEnum):
    """Command codes of packets."""

    ERROR = 0
    REPLY = 2
    AUTH = 8
    SET_CLIENT_NAME = 9
    GET_SERVER_INFO = 20
    GET_SINK_INFO = 21
    SUBSCRIBE = 35
    SUBSCRIBE_EVENT = 66


class Event(IntEnum):
    """Events that a client may subscribe to."""

    SINK = 0x01
    SERVER = 0x80


class Failure(IntEnum):
    """Why something was refused."""

    ACCESS = 1
    NO_ENTITY = 5


class MalformedPacket(Exception):
    """The received data does not follow the protocol."""


class Packet(NamedTuple):
    """One packet of the control channel."""

    command: int
    tag: int
    values: bytes


class Sink(NamedTuple):
    """Something sound comes out of."""

    name: str
    channels: tuple[float, ...]
    """Volume of each channel, 1.0 is 100 %."""


def encode_packet(command: Command, tag: int, values: bytes = b"") -> bytes:
    """Write a packet."""
    payload = number(command) + number(tag) + values
    return HEAD.pack(len(payload), CONTROL, 0, 0, 0) + payload


def number(value: int) -> bytes:
    """Write a number of 32 bits."""
    return b"L" + _NUMBER.pack(value)


def text(value: str) -> bytes:
    """Write a string."""
    return b"t" + value.encode() + b"\0"


def blob(value: bytes) -> bytes:
    """Write bytes."""
    return b"x" + _NUMBER.pack(len(value)) + value


def properties(values: Mapping[str, str]) -> bytes:
    """Write a list of properties."""
    pairs = [(text(name), value.encode() + b"\0") for name, value in values.items()]
    return b"P" + b"".join(name + number(len(it)) + blob(it) for name, it in pairs) + b"N"


class PacketParser:
    """Takes what comes apart."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """Take what came next; return what is whole with it. Raises `MalformedPacket`.

        Sound is passed over, and so is word of shared memory, which has flags.
        """
        self._held += data
        found = []
        while len(self._held) >= HEAD.size:
            length, channel, _, _, flags = HEAD.unpack_from(self._held)
            if length > LARGEST:
                raise MalformedPacket
            if len(self._held) < HEAD.size + length:
                break
            payload = bytes(self._held[HEAD.size : HEAD.size + length])
            del self._held[: HEAD.size + length]
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
        """Read a string; one that is not there is empty."""
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

    def volumes(self) -> tuple[float, ...]:
        """Read the volume of each channel."""
        self._expect(b"v")
        return tuple(self._number() / NORMAL for _ in range(self._take(1)[0]))

    def skip_sample_format(self) -> None:
        """Pass over how samples are made."""
        self._expect(b"a")
        self._take(6)

    def skip_channels(self) -> None:
        """Pass over where the channels are."""
        self._expect(b"m")
        self._take(self._take(1)[0])

    def rest(self) -> bytes:
        """Return what was not read."""
        return self._payload[self._at :]

    def _expect(self, letter: bytes) -> None:
        if self._take(1) != letter:
            raise MalformedPacket

    def _number(self) -> int:
        found: int = _NUMBER.unpack(self._take(4))[0]
        return found

    def _take(self, size: int) -> bytes:
        taken = self._payload[self._at : self._at + size]
        if len(taken) < size:
            raise MalformedPacket
        self._at += size
        return taken


def parse_sink(values: bytes) -> Sink:
    """Read the beginning of the reply to GET_SINK_INFO."""
    read = ValueReader(values)
    read.number()
    name = read.text()
    read.text()
    read.skip_sample_format()
    read.skip_channels()
    read.number()
    return Sink(name, read.volumes())


def parse_server_name(values: bytes) -> str:
    """Read what the server is out of the reply to GET_SERVER_INFO."""
    return ValueReader(values).text()
