"""A server's WebSocket frames, RFC 6455 section 5.2.

A server does not mask, so one frame's bytes are the same for every socket: they are made once and
written to all. Nothing here is compressed or fragmented.
"""

from enum import IntEnum

_FINAL = 0x80
_REASON_BYTES = 123


class _Opcode(IntEnum):
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


def text_frame(payload: bytes) -> bytes:
    """Frame one whole text message; `payload` is UTF-8."""
    return _frame(_Opcode.TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """Frame one whole binary message."""
    return _frame(_Opcode.BINARY, payload)


def ping_frame(payload: bytes = b"") -> bytes:
    """Frame a ping, up to 125 bytes."""
    return _frame(_Opcode.PING, payload)


def pong_frame(payload: bytes) -> bytes:
    """Frame the answer to a ping: its payload, given back."""
    return _frame(_Opcode.PONG, payload)


def close_frame(code: int | None, reason: str = "") -> bytes:
    """Frame a close; `None` closes without a code, a reason over 123 bytes is cut."""
    if code is None:
        return _frame(_Opcode.CLOSE, b"")
    text = reason.encode()[:_REASON_BYTES].decode(errors="ignore").encode()
    return _frame(_Opcode.CLOSE, code.to_bytes(2, "big") + text)


def _frame(opcode: _Opcode, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        header = bytes((_FINAL | opcode, length))
    elif length < 1 << 16:
        header = bytes((_FINAL | opcode, 126)) + length.to_bytes(2, "big")
    else:
        header = bytes((_FINAL | opcode, 127)) + length.to_bytes(8, "big")
    return header + payload
