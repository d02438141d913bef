"""WebSocket frames by hand, right ones and wrong ones, RFC 6455 section 5.2."""

import asyncio
import os
import struct
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
LARGEST = 1 << 24
"""Largest frame that is read, in bytes; no server sends as much."""


class Frame(NamedTuple):
    """One frame as it came."""

    final: bool
    reserved: int
    """The three reserved bits."""
    opcode: int
    masked: bool
    payload: bytes


def frame(
    opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0, mask: bool = True
) -> bytes:
    """Return one frame as bytes; a client's frames are masked."""
    length = len(payload)
    first = (0x80 if final else 0) | reserved << 4 | opcode
    high = 0x80 if mask else 0
    if length < 126:
        head = struct.pack("!BB", first, high | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", first, high | 126, length)
    else:
        head = struct.pack("!BBQ", first, high | 127, length)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def oversized_head(length: int) -> bytes:
    """Return the head of a masked text frame that claims to be so long."""
    return struct.pack("!BBQ", 0x80 | TEXT, 0x80 | 127, length) + os.urandom(4)


def close_frame(code: int | None, reason: str = "") -> bytes:
    """Return a close frame; `None` is one without a code."""
    body = b"" if code is None else struct.pack("!H", code) + reason.encode()
    return frame(CLOSE, body)


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """Read one frame; raises `IncompleteReadError` at the end, `ValueError` for an immense one."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    if length > LARGEST:
        raise ValueError(f"a frame of {length} bytes")
    key = await reader.readexactly(4) if second & 0x80 else b""
    payload = await reader.readexactly(length)
    if key:
        payload = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    return Frame(bool(first & 0x80), first >> 4 & 0x7, first & 0x0F, bool(key), payload)
