"""Serializer of a server's WebSocket frames, RFC 6455 section 5.2.

A server does not mask, so a frame is serialized once and the same bytes go to every socket.
Frames are neither compressed nor fragmented.
"""

from enum import IntEnum

_FINAL = 0x80
_MAX_REASON_BYTES = 123


class Opcode(IntEnum):
    """Types of frames."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


def text_frame(payload: bytes) -> bytes:
    """Return a frame with one whole text message; `payload` is UTF-8."""
    return _frame(Opcode.TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """Return a frame with one whole binary message."""
    return _frame(Opcode.BINARY, payload)


def ping_frame(payload: bytes = b"") -> bytes:
    """Return a ping frame; the payload has up to 125 bytes."""
    return _frame(Opcode.PING, payload)


def pong_frame(payload: bytes) -> bytes:
    """Return the answer to a ping frame with this payload."""
    return _frame(Opcode.PONG, payload)


def close_frame(code: int | None, reason: str = "") -> bytes:
    """Return a close frame, for `None` without a code; a reason over 123 bytes is cut."""
    if code is None:
        return _frame(Opcode.CLOSE, b"")
    text = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore").encode()
    return _frame(Opcode.CLOSE, code.to_bytes(2, "big") + text)


def _frame(opcode: Opcode, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        header = bytes((_FINAL | opcode, length))
    elif length < 1 << 16:
        header = bytes((_FINAL | opcode, 126)) + length.to_bytes(2, "big")
    else:
        header = bytes((_FINAL | opcode, 127)) + length.to_bytes(8, "big")
    return header + payload
