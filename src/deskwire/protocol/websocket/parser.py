"""Parser of a client's WebSocket frames, RFC 6455 section 5.

Bytes arrive in pieces of any size. The parser detects a violation at the first byte that shows it:
a bad length before its payload, bad UTF-8 before the end of its message. So it never buffers
invalid data, and it ignores everything after a violation.
"""

import codecs

from msgspec import Struct

from deskwire.protocol.close_codes import CloseCode
from deskwire.protocol.websocket.serializer import Opcode

_EXTENDED_LENGTH = {126: 2, 127: 8}
_KEY_SIZE = 4
_MAX_CONTROL_PAYLOAD = 125
_OPCODES = {int(opcode): opcode for opcode in Opcode}


class Text(Struct, frozen=True):
    """A whole text message."""

    text: str


class Binary(Struct, frozen=True):
    """A whole binary message."""

    payload: bytes


class Ping(Struct, frozen=True):
    """A ping; the answer repeats its payload."""

    payload: bytes


class Pong(Struct, frozen=True):
    """An answer to a ping, or a sign of life."""

    payload: bytes


class CloseReceived(Struct, frozen=True):
    """The peer's close frame."""

    code: int | None
    reason: str


class ProtocolViolation(Struct, frozen=True):
    """Data that RFC 6455 forbids, with the close code for it."""

    code: CloseCode
    reason: str


Received = Text | Binary | Ping | Pong | CloseReceived | ProtocolViolation


class FrameParser:
    """Incremental parser of one socket; it stops after a close frame or a violation."""

    def __init__(self, max_message: int) -> None:
        """`max_message` is the size of a whole message in bytes."""
        self._max_message = max_message
        self._header = bytearray()
        self._final = False
        self._opcode = Opcode.CONTINUATION
        self._key = b""
        """Mask of the current frame, rotated to the next byte; empty between two frames."""
        self._payload_left = 0
        """Payload bytes still to read in the current frame."""
        self._control = bytearray()
        self._message = bytearray()
        self._message_type: Opcode | None = None
        """Type of the current message; `None` between two messages."""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self.ended = False

    def feed(self, data: bytes) -> list[Received]:
        """Parse the next bytes and return the messages that they complete."""
        found: list[Received] = []
        at = 0
        try:
            while at < len(data) and not self.ended:
                if self._key:
                    piece = data[at : at + self._payload_left]
                    at += len(piece)
                    self._add_payload(piece)
                else:
                    at = self._read_header(data, at)
                if self._key and not self._payload_left:
                    message = self._end_frame()
                    if message is not None:
                        self.ended = isinstance(message, CloseReceived)
                        found.append(message)
        except _Violation as violation:
            self.ended = True
            self._message.clear()
            found.append(ProtocolViolation(violation.code, violation.reason))
        return found

    def _read_header(self, data: bytes, at: int) -> int:
        """Read header bytes from `data`, and return the position after them."""
        header = self._header
        while at < len(data):
            size = 2
            if len(header) >= 2:
                size += _EXTENDED_LENGTH.get(header[1] & 0x7F, 0) + _KEY_SIZE
            piece = data[at : at + size - len(header)]
            header += piece
            at += len(piece)
            if len(header) == 2:
                self._begin_frame(*header)
            elif len(header) == size:
                self._begin_payload(bytes(header))
                header.clear()
                return at
        return at

    def _begin_frame(self, first: int, second: int) -> None:
        """Check the first two bytes of a header."""
        opcode = _OPCODES.get(first & 0x0F)
        if first & 0x70 or opcode is None:
            raise _Violation(CloseCode.PROTOCOL_ERROR, "reserved bit or opcode")
        if not second & 0x80:
            raise _Violation(CloseCode.PROTOCOL_ERROR, "frame without a mask")
        self._opcode, self._final = opcode, bool(first & 0x80)
        if opcode >= Opcode.CLOSE:
            if not self._final or second & 0x7F > _MAX_CONTROL_PAYLOAD:
                raise _Violation(CloseCode.PROTOCOL_ERROR, "control frame fragmented or too long")
        elif (opcode is Opcode.CONTINUATION) is (self._message_type is None):
            raise _Violation(CloseCode.PROTOCOL_ERROR, "fragments out of order")

    def _begin_payload(self, header: bytes) -> None:
        length, key = header[2:-_KEY_SIZE], header[-_KEY_SIZE:]
        self._payload_left = int.from_bytes(length, "big") if length else header[1] & 0x7F
        self._key = key
        if self._opcode >= Opcode.CLOSE:
            return
        if self._opcode is not Opcode.CONTINUATION:
            self._message_type = self._opcode
        if len(self._message) + self._payload_left > self._max_message:
            raise _Violation(CloseCode.TOO_BIG, f"message over {self._max_message} bytes")

    def _add_payload(self, piece: bytes) -> None:
        """Unmask a piece of payload and add it to its message."""
        shift = len(piece) % _KEY_SIZE
        plain = unmasked(piece, self._key)
        self._key = self._key[shift:] + self._key[:shift]
        self._payload_left -= len(piece)
        if self._opcode >= Opcode.CLOSE:
            self._control += plain
            return
        if self._message_type is Opcode.TEXT:
            self._check_text(plain)
        self._message += plain

    def _end_frame(self) -> Received | None:
        """Return the message that ends with the current frame, if any."""
        self._key = b""
        if self._opcode >= Opcode.CLOSE:
            payload = bytes(self._control)
            self._control.clear()
            return _control_message(self._opcode, payload)
        if not self._final:
            return None
        message_type, self._message_type = self._message_type, None
        message, self._message = self._message, bytearray()
        if message_type is Opcode.BINARY:
            return Binary(bytes(message))
        self._check_text(b"", final=True)
        self._utf8.reset()
        return Text(message.decode())

    def _check_text(self, piece: bytes, *, final: bool = False) -> None:
        try:
            self._utf8.decode(piece, final)
        except UnicodeDecodeError:
            raise _Violation(CloseCode.INVALID_TEXT, "text is not UTF-8") from None


class _Violation(Exception):
    """Internal error: the data violates the RFC."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def unmasked(piece: bytes, key: bytes) -> bytes:
    """Mask or unmask a piece of payload; `key` starts at its first byte."""
    size = len(piece)
    mask = (key * (size // _KEY_SIZE + 1))[:size]
    return (int.from_bytes(piece, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


def may_be_sent(code: int) -> bool:
    """Return whether a close frame may have this code (RFC 6455 section 7.4, IANA's registry)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def _control_message(opcode: Opcode, payload: bytes) -> Received:
    if opcode is Opcode.PING:
        return Ping(payload)
    if opcode is Opcode.PONG:
        return Pong(payload)
    if not payload:
        return CloseReceived(None, "")
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not may_be_sent(code):
        raise _Violation(CloseCode.PROTOCOL_ERROR, "invalid close code")
    try:
        return CloseReceived(code, payload[2:].decode())
    except UnicodeDecodeError:
        raise _Violation(CloseCode.INVALID_TEXT, "close reason is not UTF-8") from None
